package operators

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// PaymentPage is a page of the payments of all users, newest first.
type PaymentPage struct {
	Payments []ports.PaymentRow
	// Older and Newer are the cursors of the pages before and after, or empty. A page may
	// have few payments, or none, although they are not empty: then the search stopped.
	Older, Newer billing.PaymentID
	Stopped      bool // the search stopped before it found enough payments
}

// PaymentCursor names a page: the payments before one, or those after one. It is zero for
// the newest page.
type PaymentCursor struct{ Before, After billing.PaymentID }

// Payments returns a page of the payments that match a filter. A search for rare payments
// stops after [Panel.SearchTime]; the page then has the cursor to continue it.
func (p Panel) Payments(ctx context.Context, by Operator, f ports.PaymentFilter, c PaymentCursor, limit int) (PaymentPage, error) {
	if err := by.mayRead(); err != nil {
		return PaymentPage{}, err
	}
	if c.After != "" {
		list, next, stopped, err := p.scanPayments(ctx, f, p.spanOf(f, ports.PaymentSpan{From: c.After, Ascending: true}), limit)
		slices.Reverse(list)
		page := PaymentPage{Payments: list, Newer: next, Older: c.After, Stopped: stopped}
		if len(list) > 0 {
			page.Older = list[len(list)-1].ID
		}
		return page, err
	}
	list, next, stopped, err := p.scanPayments(ctx, f, p.spanOf(f, ports.PaymentSpan{From: c.Before}), limit)
	page := PaymentPage{Payments: list, Older: next, Stopped: stopped}
	if c.Before != "" {
		page.Newer = c.Before
		if len(list) > 0 {
			page.Newer = list[0].ID
		}
	}
	return page, err
}

// scanPayments searches a span. It returns the id after which the next page begins, or "" if
// there is none, and whether the search stopped there for lack of time.
func (p Panel) scanPayments(
	ctx context.Context, f ports.PaymentFilter, s ports.PaymentSpan, limit int,
) (list []ports.PaymentRow, next billing.PaymentID, stopped bool, err error) {
	if f.Status == billing.PaymentPending && !s.Ascending { // these have an index
		list, err = p.Views.Payments.Payments(ctx, f, s, limit+1)
	} else {
		list, next, err = p.paymentScan(f, s, limit+1).from(ctx, s.From)
	}
	if len(list) > limit {
		list = list[:limit]
		return list, list[limit-1].ID, false, err
	}
	return list, next, next != "", err
}

func (p Panel) paymentScan(f ports.PaymentFilter, s ports.PaymentSpan, limit int) scan[billing.PaymentID, ports.PaymentRow] {
	views := p.Views.Payments
	part := func(from, to billing.PaymentID) ports.PaymentSpan {
		return ports.PaymentSpan{From: from, To: cmp.Or(to, s.To), Ascending: s.Ascending}
	}
	return scan[billing.PaymentID, ports.PaymentRow]{
		limit: limit, time: p.searchTime(),
		bound: func(ctx context.Context, from billing.PaymentID, n int) (billing.PaymentID, error) {
			return views.Bound(ctx, part(from, ""), n)
		},
		read: func(ctx context.Context, from, to billing.PaymentID, limit int) ([]ports.PaymentRow, error) {
			return views.Payments(ctx, f, part(from, to), limit)
		},
		key: func(r ports.PaymentRow) billing.PaymentID { return r.ID },
	}
}

// idMargin is more than the time between the creation of a payment's id and the time of the
// payment.
const idMargin = time.Hour

// spanOf narrows a span to the ids that payments within the times of a filter can have. With
// the test clock ids tell nothing about the times of payments.
func (p Panel) spanOf(f ports.PaymentFilter, s ports.PaymentSpan) ports.PaymentSpan {
	if p.TestClock {
		return s
	}
	return narrowed(f, s)
}

// PaymentSpan returns the ascending span of the payments within the times of a filter. With
// the test clock these can have any id.
func PaymentSpan(f ports.PaymentFilter, testClock bool) ports.PaymentSpan {
	return Panel{TestClock: testClock}.spanOf(f, ports.PaymentSpan{Ascending: true})
}

func narrowed(f ports.PaymentFilter, s ports.PaymentSpan) ports.PaymentSpan {
	var first, last billing.PaymentID
	if !f.Since.IsZero() {
		first = billing.PaymentID(billing.FirstIDAt(f.Since.Add(-idMargin)))
	}
	if !f.Until.IsZero() {
		last = billing.PaymentID(billing.FirstIDAt(f.Until.Add(idMargin)))
	}
	from, to := &s.From, &s.To // from the last to the first
	if s.Ascending {
		from, to = to, from
	}
	if last != "" && (*from == "" || last < *from) {
		*from = last
	}
	if first > *to {
		*to = first
	}
	return s
}

// PaymentTotals are the sums of the payments that match a filter.
type PaymentTotals struct {
	ByStatus []ports.PaymentTotal // by currency, then by status
	// Since is set if the filter selects among more payments than are summed: these are
	// the newest ones, from this payment on.
	Since time.Time
}

// The number of payments that are summed. With a plan each of them needs a lookup.
const (
	summed       = 100_000
	summedOfPlan = 20_000
)

// PaymentTotals sums the newest of the payments that match a filter, at most 100,000.
func (p Panel) PaymentTotals(ctx context.Context, by Operator, f ports.PaymentFilter) (PaymentTotals, error) {
	if err := by.mayRead(); err != nil {
		return PaymentTotals{}, err
	}
	n := summed
	if f.Plan != "" {
		n = summedOfPlan
	}
	s := p.spanOf(f, ports.PaymentSpan{})
	bound, err := p.Views.Payments.Bound(ctx, s, n)
	if err != nil {
		return PaymentTotals{}, err
	}
	var t PaymentTotals
	if bound != "" {
		s.To = bound
		t.Since, _ = billing.IDTime(string(bound))
	}
	t.ByStatus, err = p.Views.Payments.Totals(ctx, f, s)
	return t, err
}

func (p Panel) searchTime() time.Duration { return cmp.Or(p.SearchTime, defaultSearchTime) }
