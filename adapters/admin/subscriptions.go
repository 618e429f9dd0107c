package admin

import (
	"context"
	"net/http"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

type subscriptionsFilter struct {
	*view
	Plans        []string
	Statuses     []string
	Holds        []billing.DeclineCode
	Plan, Status string
	Hold         billing.DeclineCode
}

// statusHeld is the status of the filter for subscriptions on hold.
const statusHeld = "held"

// subscriptionStatuses are the statuses of the filter.
var subscriptionStatuses = []string{
	string(billing.StatusActive), string(billing.StatusPastDue), statusHeld, string(billing.StatusIncomplete), string(billing.StatusEnded),
}

func (s *server) subscriptions(r *http.Request, v *view) *listing {
	q := r.URL.Query()
	f := subscriptionsFilter{
		view: v, Statuses: subscriptionStatuses, Holds: declineCodes(), Plan: q.Get("plan"), Status: q.Get("status"), Hold: billing.DeclineCode(q.Get("hold")),
	}
	if f.Hold != "" {
		f.Status = statusHeld
	}
	filter := operators.SubscriptionFilter{Plan: f.Plan, Status: billing.Status(f.Status), Held: f.Status == statusHeld, Hold: f.Hold}
	l := &listing{title: v.T("menu.subscriptions"), hint: v.T("subscriptions.hint"), empty: v.T("subscriptions.empty"), filter: "filter_subscriptions"}
	after := ports.HeldKey{GraceUntil: parseTime(q.Get("at")), SubscriptionKey: ports.SubscriptionKey{
		User: billing.UserID(q.Get("user")), ID: billing.SubscriptionID(q.Get("after")),
	}}
	if first := after.User == "" && after.ID == ""; !first && (!billing.IsID(string(after.User)) || !billing.IsID(string(after.ID))) {
		l.refused = v.T("error.bad_request")
	} else if !first {
		l.newest = f.link()
	}
	src := newSource(r.Context(), column{"user", v.T("event.user")}, column{"plan", v.T("event.plan")}, column{"state", v.T("status")},
		column{"price", v.T("user.price")}, column{"period", v.T("user.period")}, column{"next", v.T("user.next_charge")}, column{"access", v.T("user.access_until")})
	var page operators.SubscriptionPage
	src.rows = mapRows(func(ctx context.Context) (list []ports.SubscriptionRow, err error) {
		page, err = s.Panel.Subscriptions(ctx, v.op, filter, after, pageSize)
		if page.Stopped {
			l.empty, l.note = v.T("subscriptions.stopped"), v.T("subscriptions.stopped")
		}
		return page.Subscriptions, err
	}, v.subscriptionRow)
	l.table, l.nextText, l.firstText = src, v.T("next"), v.T("first")
	l.next = func() string {
		if page.Next == (ports.HeldKey{}) {
			return ""
		}
		at := ""
		if !page.Next.GraceUntil.IsZero() {
			at = formatTime(page.Next.GraceUntil)
		}
		return f.link("at", at, "user", string(page.Next.User), "after", string(page.Next.ID))
	}
	plans, err := s.Panel.Plans(r.Context(), v.op)
	if err != nil {
		src.rows = func(context.Context) ([]row, error) { return nil, err }
	}
	live := 0
	for _, p := range plans {
		f.Plans = append(f.Plans, p.Code)
		if f.Plan == "" || f.Plan == p.Code {
			live += p.Subscribers
		}
	}
	l.count = v.T("subscriptions.live", v.Number(live))
	l.filterData = f
	return l
}

func (f subscriptionsFilter) link(more ...string) string {
	return link("/info/subscriptions", append([]string{"plan", f.Plan, "status", f.Status, "hold", string(f.Hold)}, more...)...)
}

func (v *view) subscriptionRow(s ports.SubscriptionRow) row {
	reason := ""
	if s.Hold != "" {
		reason = v.T("status.held") + ": " + v.Word("decline", s.Hold)
	}
	r := row{
		"user": v.userCell(s.UserID), "plan": planCode(s.PlanCode),
		"state":  badge(subscriptionKind(s.Subscription), v.State(s.Subscription)) + cell{Sub: reason}.html(),
		"price":  text(v.Money(s.Price) + " / " + v.Count("months", s.IntervalMonths)),
		"period": v.Date(s.Current.Start) + " – " + v.Date(s.Current.End), "next": v.Time(s.NextChargeAt), "access": v.Time(s.GraceUntil),
	}
	if s.EndsWithPeriod() {
		r["next"] = text("—")
	}
	if s.Given() {
		r["price"] = text("—")
	}
	return r
}
