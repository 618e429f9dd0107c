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

// paymentsFilter is the filter of the payments page, with the sums of what it selects.
type paymentsFilter struct {
	*view
	Systems, Plans         []string
	Statuses               []billing.PaymentStatus
	Declines               []billing.DeclineCode
	From, To, System, Plan string
	Status                 billing.PaymentStatus
	Decline                billing.DeclineCode
	Totals                 []paymentTotal
	TotalsSince            time.Time
	CSV                    string // link to the selected payments as a file
}

// paymentTotal is the sum of the payments of one status in one currency.
type paymentTotal struct {
	Status   billing.PaymentStatus
	N        int
	Amount   billing.Money
	Refunded billing.Money
}

// paymentStatuses are the statuses of the filter.
var paymentStatuses = []billing.PaymentStatus{billing.PaymentPending, billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned}

// declineCodes are the decline codes of the filter.
func declineCodes() []billing.DeclineCode {
	return append(billing.DeclineCodes(), billing.NotSent, billing.TokenUnknown, billing.Refused, billing.Postponed, billing.MethodRemoved, billing.MethodNotSaved)
}

// paymentFilterKeys are the keys of the filter in a query.
var paymentFilterKeys = []string{"from", "to", "system", "status", "plan", "decline"}

func (s *server) paymentFilter(q url.Values) (ports.PaymentFilter, bool) {
	f := ports.PaymentFilter{
		System: q.Get("system"), Status: billing.PaymentStatus(q.Get("status")),
		DeclineCode: billing.DeclineCode(q.Get("decline")), Plan: q.Get("plan"),
	}
	var since, until bool
	f.Since, since = s.parseDay(q.Get("from"), 0)
	f.Until, until = s.parseDay(q.Get("to"), 1)
	return f, since && until
}

// link returns a link to a page of the payments with this filter.
func (f paymentsFilter) link(path string, more ...string) string {
	return link(path, append([]string{
		"from", f.From, "to", f.To, "system", f.System, "status", string(f.Status), "plan", f.Plan, "decline", string(f.Decline),
	}, more...)...)
}

func (s *server) payments(r *http.Request, v *view) *listing {
	q := r.URL.Query()
	f := paymentsFilter{
		view: v, Statuses: paymentStatuses, Declines: declineCodes(), From: q.Get("from"), To: q.Get("to"), System: q.Get("system"),
		Plan: q.Get("plan"), Status: billing.PaymentStatus(q.Get("status")), Decline: billing.DeclineCode(q.Get("decline")),
	}
	f.CSV = f.link("/info/payments/csv")
	l := &listing{title: v.T("menu.payments"), empty: v.T("payments.empty"), filter: "filter_payments"}
	filter, ok := s.paymentFilter(q)
	cursor := operators.PaymentCursor{Before: billing.PaymentID(q.Get("before")), After: billing.PaymentID(q.Get("after"))}
	for _, id := range []billing.PaymentID{cursor.Before, cursor.After} {
		if id != "" && !billing.IsID(string(id)) {
			l.refused = v.T("error.bad_request")
		}
	}
	if !ok {
		l.refused = v.T("history.bad_date")
	}
	src := newSource(r.Context(), column{"payment", v.T("user.payment")}, column{"at", v.T("event.at")}, column{"user", v.T("event.user")},
		column{"plan", v.T("event.plan")}, column{"amount", v.T("event.amount")}, column{"state", v.T("status")}, column{"system", v.T("user.system")})
	var page operators.PaymentPage
	src.rows = mapRows(func(ctx context.Context) (list []ports.PaymentRow, err error) {
		page, err = s.Panel.Payments(ctx, v.op, filter, cursor, pageSize)
		if page.Stopped {
			l.empty, l.note = v.T("payments.stopped"), v.T("payments.stopped")
		}
		return page.Payments, err
	}, v.paymentRow)
	l.table = src
	l.next = func() string {
		if page.Older == "" {
			return ""
		}
		return f.link("/info/payments", "before", string(page.Older))
	}
	l.newer = func() string {
		if page.Newer == "" {
			return ""
		}
		return f.link("/info/payments", "after", string(page.Newer))
	}
	if l.refused == "" {
		if err := s.addPaymentChoices(r.Context(), v, &f, filter); err != nil {
			src.rows = func(context.Context) ([]row, error) { return nil, err }
		}
	}
	l.filterData = f
	return l
}

// addPaymentChoices adds the payment systems, the plans and the totals to the filter.
func (s *server) addPaymentChoices(ctx context.Context, v *view, f *paymentsFilter, filter ports.PaymentFilter) error {
	systems, err := s.Panel.PaymentSystems(ctx, v.op)
	if err != nil {
		return err
	}
	for _, ps := range systems {
		f.Systems = append(f.Systems, ps.Code)
	}
	plans, err := s.Panel.Plans(ctx, v.op)
	if err != nil {
		return err
	}
	for _, p := range plans {
		f.Plans = append(f.Plans, p.Code)
	}
	totals, err := s.Panel.PaymentTotals(ctx, v.op, filter)
	f.TotalsSince = totals.Since
	for _, t := range totals.ByStatus {
		f.Totals = append(f.Totals, paymentTotal{
			t.Status, t.N, billing.Money{Amount: t.Amount, Currency: t.Currency}, billing.Money{Amount: t.Refunded, Currency: t.Currency},
		})
	}
	return err
}

func (v *view) paymentRow(p ports.PaymentRow) row {
	return row{
		"payment": cell{Text: billing.ShortID(string(p.ID)), Title: string(p.ID), Href: userLink(p.UserID, p.ID), Code: true}.html(),
		"at":      v.Time(p.CreatedAt), "user": v.userCell(p.UserID), "plan": planCode(p.PlanCode), "amount": text(v.Money(p.Amount)),
		"state":  badge(paymentKind(p.Status), v.Word("payment", p.Status)) + cell{Sub: v.Word("decline", p.DeclineCode)}.html(),
		"system": cell{Text: p.PaymentSystem, Sub: p.ProviderRef}.html(),
	}
}

// userCell returns a link to a user that shows the beginning of the id.
func (v *view) userCell(user billing.UserID) template.HTML {
	return cell{Text: v.Short(user) + "…", Title: string(user), Href: userLink(user, ""), Code: true}.html()
}

// downloadLimit limits a download, which streams, and is not subject to [requestTimeout].
const downloadLimit = 15 * time.Minute

// paymentsCSV streams the payments of the filter, the oldest first. The response begins with
// the first payment, so that an error before it gets an error page. A later one aborts
// the connection: the file must not look complete.
func (s *server) paymentsCSV(w http.ResponseWriter, r *http.Request, v *view) error {
	filter, ok := s.paymentFilter(r.URL.Query())
	if !ok {
		return errBadRequest
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), downloadLimit)
	defer cancel()
	stop := context.AfterFunc(clientContext(r), cancel)
	defer stop()
	name := "payments-" + v.now.In(v.zone).Format("2006-01-02-150405") + ".csv"
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	out := &stream{w: w}
	file := operators.NewCSV(out, operators.PaymentColumns)
	err := s.Panel.ExportPayments(ctx, v.op, filter, file.Write)
	if err == nil {
		err = file.Flush()
	}
	if err != nil && out.began {
		s.Log.Error("download aborted", "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		w.Header().Del("Content-Disposition")
	}
	return err
}
