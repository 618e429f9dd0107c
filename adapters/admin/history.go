package admin

import (
	"context"
	"html/template"
	"net/http"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

type historyFilter struct {
	*view
	Types    []billing.EventType
	Plans    []string
	Type     billing.EventType
	Plan     string
	From, To string
}

// eventTypes are those that can be looked for.
var eventTypes = []billing.EventType{
	billing.EventSubscribed, billing.EventRenewed, billing.EventPaymentDeclined, billing.EventPaymentAbandoned,
	billing.EventCancelRequested, billing.EventCancelRevoked, billing.EventEnded, billing.EventPeriodsWaived, billing.EventPaymentContradicted,
	billing.EventCardAdded, billing.EventCardRemoved, billing.EventCardLimitReached, billing.EventDeclineLimitReached,
}

func (s *server) history(r *http.Request, v *view) *listing {
	q := r.URL.Query()
	f := historyFilter{
		view: v, Types: eventTypes, Type: billing.EventType(q.Get("type")), Plan: q.Get("plan"),
		From: q.Get("from"), To: q.Get("to"),
	}
	query := app.EventQuery{
		Type: f.Type, PlanCode: f.Plan, Limit: pageSize,
		BeforeAt: parseTime(q.Get("at")), BeforeID: billing.EventID(q.Get("before")),
	}
	l := &listing{title: v.T("menu.history"), empty: v.T("history.empty"), filter: "filter_history"}
	var ok [2]bool
	query.Since, ok[0] = s.day(f.From, 0)
	query.Until, ok[1] = s.day(f.To, 1)
	bad := !ok[0] || !ok[1] || q.Get("before") != "" && !billing.IsID(q.Get("before"))
	if until := parseTime(q.Get("until")); !until.IsZero() {
		query.Until = until
	}
	src := newSource(r.Context(), column{"at", v.T("event.at")}, column{"what", v.T("event.what")},
		column{"user", v.T("event.user")}, column{"plan", v.T("event.plan")}, column{"amount", v.T("event.amount")},
		column{"reason", v.T("event.reason")})
	var next app.HistoryCursor
	src.list = each(func(ctx context.Context) ([]billing.Event, error) {
		page, err := s.Panel.History(ctx, v.op, query)
		if next = page.Next; !next.Until.IsZero() { // something rare: say how far it was looked
			local := next.Until.In(v.zone)
			l.empty = v.T("history.empty_since", v.lang.date(local)+", "+local.Format("15:04"))
		}
		return page.Events, err
	}, v.eventRow)
	l.table = src
	l.next = func() string {
		if next.Until.IsZero() {
			return ""
		}
		at := ""
		if next.BeforeID != "" {
			at = formatTime(next.BeforeAt)
		}
		return link("/info/history", "type", string(f.Type), "plan", f.Plan, "from", f.From, "to", f.To,
			"until", formatTime(next.Until), "at", at, "before", string(next.BeforeID))
	}
	plans, err := s.Panel.Plans(r.Context(), v.op)
	if err != nil {
		src.list = func(context.Context) ([]row, error) { return nil, err }
	}
	for _, p := range plans {
		f.Plans = append(f.Plans, p.Code)
	}
	l.data = f
	if bad {
		l.refused = v.T("history.bad_date")
	}
	return l
}

// day reads a date as browsers send it, and returns when it begins, or when the
// day so many days later does. No date is zero.
func (s *server) day(text string, later int) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	t, err := time.ParseInLocation(time.DateOnly, text, s.Location)
	return t.AddDate(0, 0, later), err == nil
}

// planCode is empty for what is about a card.
func planCode(plan string) template.HTML {
	if plan == "" {
		return ""
	}
	return code(plan)
}

func (v *view) eventRow(e billing.Event) row {
	kind, _ := looks(e.Type)
	amount := ""
	if (moment{Event: e}).Charge() {
		amount = v.Money(e.Amount)
	}
	return row{
		"at": v.Time(e.At), "what": badge(kind, v.Word("event", e.Type)),
		"user": cell{Text: v.Short(e.UserID) + "…", Title: string(e.UserID), Href: link("/info/users/detail", "id", string(e.UserID)), Code: true}.html(),
		"plan": planCode(e.PlanCode), "amount": text(amount), "reason": text(v.Word("decline", e.DeclineCode)),
	}
}
