package operators

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// SubscriptionPage is a page of the subscriptions of all users.
type SubscriptionPage struct {
	Subscriptions []ports.SubscriptionRow
	// Next is the cursor of the next page, or zero on the last one. A page may have few
	// subscriptions, or none, although Next is not zero: then the search stopped.
	Next    ports.HeldKey
	Stopped bool // the search stopped before it found enough subscriptions
}

// SubscriptionFilter selects subscriptions. Empty fields select all.
type SubscriptionFilter struct {
	Plan   string // code
	Status billing.Status
	Held   bool                // on hold only; then Status means nothing
	Hold   billing.DeclineCode // of those on hold
}

// Subscriptions returns a page of the subscriptions that match a filter: by user or, on
// hold, by the end of their access. A search for rare subscriptions
// stops after [Panel.SearchTime]; the page then has the cursor to continue it.
func (p Panel) Subscriptions(ctx context.Context, by Operator, f SubscriptionFilter, after ports.HeldKey, limit int) (SubscriptionPage, error) {
	if err := by.mayRead(); err != nil {
		return SubscriptionPage{}, err
	}
	now := p.Clock.Now()
	filter := ports.SubscriptionFilter{Plan: f.Plan, Status: f.Status, At: now, Hold: f.Hold}
	page, err := p.subscriptions(ctx, f.Held, filter, after, limit)
	for i, s := range page.Subscriptions {
		page.Subscriptions[i].Subscription, _ = s.At(now)
	}
	return page, err
}

func (p Panel) subscriptions(ctx context.Context, held bool, f ports.SubscriptionFilter, after ports.HeldKey, limit int) (SubscriptionPage, error) {
	lists := p.Views.Subscriptions
	if held {
		list, err := lists.Held(ctx, f, after, limit)
		page := SubscriptionPage{Subscriptions: list}
		if err == nil && len(list) == limit {
			last := list[limit-1]
			page.Next = ports.HeldKey{GraceUntil: last.GraceUntil, SubscriptionKey: keyOf(last)}
		}
		return page, err
	}
	list, next, err := scan[ports.SubscriptionKey, ports.SubscriptionRow]{
		limit: limit, time: p.searchTime(), bound: lists.Bound, key: keyOf,
		read: func(ctx context.Context, from, to ports.SubscriptionKey, limit int) ([]ports.SubscriptionRow, error) {
			return lists.Subscriptions(ctx, f, from, to, limit)
		},
	}.from(ctx, after.SubscriptionKey)
	return SubscriptionPage{list, ports.HeldKey{SubscriptionKey: next}, next != (ports.SubscriptionKey{}) && len(list) < limit}, err
}

func keyOf(s ports.SubscriptionRow) ports.SubscriptionKey {
	return ports.SubscriptionKey{User: s.UserID, ID: s.ID}
}

// ExportPayments calls each for the payments that match a filter, the oldest first.
func (p Panel) ExportPayments(ctx context.Context, by Operator, f ports.PaymentFilter, each func(ports.PaymentRow) error) error {
	if err := by.mayRead(); err != nil {
		return err
	}
	x := Export{ports.ExportViews{Payments: p.Views.Payments}}
	return x.Payments(ctx, f, PaymentSpan(f, p.TestClock), each)
}

// RecentRuns sums up the runs of a day.
type RecentRuns struct {
	N       int // runs that started
	Failed  int // of N: stopped early
	Running int // of N: not finished, or killed
	Summary ports.Summary
	Last    ports.Run // the newest run of all; zero before the first
}

const runsShown = 24 * time.Hour

func recentRuns(runs []ports.Run, now time.Time) RecentRuns {
	var r RecentRuns
	for i, run := range runs {
		if i == 0 {
			r.Last = run
		}
		if run.StartedAt.Before(now.Add(-runsShown)) {
			continue
		}
		r.N++
		if run.Error != "" {
			r.Failed++
		}
		if run.FinishedAt.IsZero() {
			r.Running++
		}
		s := &r.Summary
		s.Settled += run.Summary.Settled
		s.Due += run.Summary.Due
		s.Renewed += run.Summary.Renewed
		s.Declined += run.Summary.Declined
		s.Held += run.Summary.Held
		s.Unknown += run.Summary.Unknown
		s.Ended += run.Summary.Ended
		s.Failed += run.Summary.Failed
	}
	return r
}
