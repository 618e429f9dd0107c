package admin

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

type historyFilter struct {
	*view
	Types    []billing.EventType
	Plans    []string
	Type     billing.EventType
	Plan     string
	From, To string
}

// eventTypes are the event types of the filter.
var eventTypes = []billing.EventType{
	billing.EventAgreed, billing.EventSubscribed, billing.EventRenewed, billing.EventPaymentDeclined, billing.EventPaymentAbandoned,
	billing.EventCancelRequested, billing.EventCancelRevoked, billing.EventEnded, billing.EventPeriodsWaived, billing.EventPeriodGiven, billing.EventRenewalReminder, billing.EventRetryRequested, billing.EventPaymentContradicted, billing.EventPaymentNeedsReview, billing.EventRefundRequested, billing.EventRefunded, billing.EventRefundFailed, billing.EventRefundNeedsReview,
	billing.EventPaymentActionRequired, billing.EventMethodReplaced,
	billing.EventCardAdded, billing.EventCardRemoved, billing.EventMethodAdded, billing.EventMethodRemoved, billing.EventCardLimitReached, billing.EventDeclineLimitReached,
}

func (s *server) history(r *http.Request, v *view) *listing {
	q := r.URL.Query()
	f := historyFilter{
		view: v, Types: eventTypes, Type: billing.EventType(q.Get("type")), Plan: q.Get("plan"),
		From: q.Get("from"), To: q.Get("to"),
	}
	l := &listing{title: v.T("menu.history"), empty: v.T("history.empty"), filter: "filter_history"}
	query, ok := s.historyQuery(q)
	if !ok {
		l.refused = v.T("history.bad_date")
	}
	src := newSource(r.Context(), column{"at", v.T("event.at")}, column{"what", v.T("event.what")},
		column{"user", v.T("event.user")}, column{"plan", v.T("event.plan")}, column{"amount", v.T("event.amount")},
		column{"reason", v.T("event.reason")})
	var next operators.HistoryCursor
	src.rows = mapRows(func(ctx context.Context) ([]billing.Event, error) {
		page, err := s.Panel.History(ctx, v.op, query)
		// A search for a rare event stops early; the page then shows how far it came.
		if next = page.Next; !next.Until.IsZero() {
			l.empty = v.T("history.empty_since", v.dateTime(next.Until))
		}
		return page.Events, err
	}, v.eventRow)
	l.table = src
	l.next = func() string { return f.next(next) }
	plans, err := s.Panel.Plans(r.Context(), v.op)
	if err != nil {
		src.rows = func(context.Context) ([]row, error) { return nil, err }
	}
	for _, p := range plans {
		f.Plans = append(f.Plans, p.Code)
	}
	l.filterData = f
	return l
}

// historyQuery parses the query of the history page. It returns false if a date or
// the cursor is invalid.
func (s *server) historyQuery(q url.Values) (ports.EventQuery, bool) {
	query := ports.EventQuery{
		Type: billing.EventType(q.Get("type")), PlanCode: q.Get("plan"), Limit: pageSize,
		BeforeAt: parseTime(q.Get("at")), BeforeID: billing.EventID(q.Get("before")),
	}
	var since, until bool
	query.Since, since = s.parseDay(q.Get("from"), 0)
	query.Until, until = s.parseDay(q.Get("to"), 1)
	if t := parseTime(q.Get("until")); !t.IsZero() {
		query.Until = t
	}
	return query, since && until && (query.BeforeID == "" || billing.IsID(string(query.BeforeID)))
}

// next returns the link to the page at a cursor, or "" after the last page.
func (f historyFilter) next(cursor operators.HistoryCursor) string {
	if cursor.Until.IsZero() {
		return ""
	}
	at := ""
	if cursor.BeforeID != "" {
		at = formatTime(cursor.BeforeAt)
	}
	return link("/info/history", "type", string(f.Type), "plan", f.Plan, "from", f.From, "to", f.To,
		"until", formatTime(cursor.Until), "at", at, "before", string(cursor.BeforeID))
}

// parseDay returns the start of a date (2006-01-02) plus a number of days. It
// returns the zero time for an empty date, and false for an invalid one.
func (s *server) parseDay(date string, plusDays int) (time.Time, bool) {
	if date == "" {
		return time.Time{}, true
	}
	t, err := time.ParseInLocation(time.DateOnly, date, s.Location)
	return t.AddDate(0, 0, plusDays), err == nil
}

// planCode returns the cell of a plan. Events of cards and payment methods have no plan.
func planCode(plan string) template.HTML {
	if plan == "" {
		return ""
	}
	return code(plan)
}

// reasonCell returns why a payment was declined, or who caused the event and why.
func (v *view) reasonCell(e billing.Event) template.HTML {
	if e.Author.Name == "" {
		return text(v.Word("decline", e.DeclineCode))
	}
	return cell{Text: e.Author.Name, Sub: e.Author.Reason}.html()
}

func (v *view) eventRow(e billing.Event) row {
	kind, _ := eventStyle(e.Type)
	amount := ""
	if (timelineEntry{Event: e}).IsCharge() {
		amount = v.Money(e.Amount)
	}
	return row{
		"at": v.Time(e.At), "what": badge(kind, v.Word("event", e.Type)),
		"user": v.userCell(e.UserID),
		"plan": planCode(e.PlanCode), "amount": text(amount), "reason": v.reasonCell(e),
	}
}
