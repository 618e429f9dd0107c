package renewals_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// fourRuns makes four runs at once, each in a process of its own, through one
// provider. It returns their summaries.
func (w world) fourRuns(p ports.Provider) []ports.Summary {
	w.T.Helper()
	got := make([]ports.Summary, 4)
	for _, err := range billingtest.Concurrently(len(got), func(i int) (err error) {
		got[i], err = w.RenewerOver(w.Store, p).Run(w.T.Context())
		return err
	}) {
		billingtest.ExpectError(w.T, err, nil)
	}
	return got
}

func TestRun_ConcurrentRunsChargeOnce(t *testing.T) {
	t.Parallel()
	const n = 200
	tests := []struct {
		name          string
		before, after func(int64) error
		look          func(int64) error
		unfinished    bool // the runs leave payments to the next one
	}{
		{name: "no fault"},
		{name: "responses lost", after: threeOfTen(billingtest.ErrLost)},
		{name: "requests lost", before: threeOfTen(billingtest.ErrLost), unfinished: true},
		{name: "responses and lookups lost", after: threeOfTen(billingtest.ErrLost), look: threeOfTen(billingtest.ErrLost), unfinished: true},
		{name: "connections refused", before: threeOfTen(ports.ErrNotSent), unfinished: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(n)
				w.Clock.Advance(billingtest.Month)
				p := &faultyProvider{Provider: w.Provider, before: tt.before, after: tt.after, find: tt.look, delay: 10 * time.Millisecond}
				var sum ports.Summary
				for _, s := range w.fourRuns(p) {
					sum.Due, sum.Renewed = sum.Due+s.Due, sum.Renewed+s.Renewed
					// A payment that another run left pending is unknown to this run too.
					if open := s.Due - s.Renewed; open > s.Unknown+s.Failed || !tt.unfinished && s != (ports.Summary{Due: s.Due, Renewed: s.Due}) {
						w.T.Errorf("a summary does not add up: %+v", s)
					}
				}
				pending := w.pending(users)
				if sum.Due != n || sum.Renewed > n-pending || !tt.unfinished && sum.Renewed != n {
					w.T.Errorf("the summaries of %d renewals add up to %+v, and %d are pending", n, sum, pending)
				}
				w.runUntilQuiet()
				w.expectAll(users, billing.StatusActive)
				w.expectPaid(users, 2)
			})
		})
	}
}

func (w world) pending(users []billing.UserID) int { return len(w.claimed(users)) }

func TestRun_SettlesItsOpenPayments(t *testing.T) {
	t.Parallel()
	tests := map[string]*faultyProvider{
		"response lost":            {after: firstCalls(1, billingtest.ErrLost)},
		"response and lookup lost": {after: firstCalls(1, billingtest.ErrLost), find: firstCalls(1, billingtest.ErrLost)},
		"request lost":             {before: firstCalls(1, billingtest.ErrLost)},
		"request and lookup lost":  {before: firstCalls(1, billingtest.ErrLost), find: firstCalls(1, billingtest.ErrLost)},
		"not sent":                 {before: firstCalls(1, ports.ErrNotSent)},
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(10)
				w.Clock.Advance(billingtest.Month)
				p.Provider = w.Provider
				w.expectRunOf(w.RenewerOver(w.Store, p), ports.Summary{Due: 10, Renewed: 10}, nil)
				w.expectPaid(users, 2)
				w.expectRun(ports.Summary{})
			})
		})
	}
}

func TestRun_CountsPaymentSettledBySweep(t *testing.T) {
	t.Parallel()
	for m, want := range map[billingtest.Fault]ports.Summary{
		billingtest.NoFault: {Due: 1, Renewed: 1},
		billingtest.Decline: {Due: 1, Declined: 1},
	} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				user := w.addSubscribers(1)[0]
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(m)
				blind := &faultyProvider{Provider: w.Provider, after: always(billingtest.ErrLost), find: always(billingtest.ErrLost)}
				errs := billingtest.Concurrently(2, func(i int) error {
					if i == 0 {
						w.expectRunOf(w.RenewerOver(w.Store, blind), want, nil)
						return nil
					}
					time.Sleep(1100 * time.Millisecond) // the run waits between two lookups, and holds the sweep lease
					p := w.subscriptionOf(user).Latest
					w.InTx(func(ctx context.Context, tx ports.Repos) error {
						return tx.Leases.ReleaseSweep(ctx, ports.PaymentKey{User: p.UserID, ID: p.ID})
					})
					_, err := w.Process().Sweep(w.T.Context(), 1, 16)
					return err
				})
				billingtest.ExpectError(w.T, errs[1], nil)
			})
		})
	}
}

func TestRun_LateSenderKeepsOtherLease(t *testing.T) {
	t.Parallel()
	const sendWindow = 2*billingtest.ChargeTimeout + 10*time.Second
	inBubble(t, func(w world) {
		user := w.addSubscribers(1)[0]
		w.Clock.Advance(billingtest.Month)
		// The run pauses until its send window is over and a sweep resends the payment.
		// The run must not end the sweep's lease: the subscription is cancelled by then,
		// so a payment without a lease would be abandoned.
		paused := faultyStore{Store: w.Store, fail: func(d txCalls, committed bool) error {
			if d.added && committed {
				time.Sleep(sendWindow + 3*time.Second)
			}
			return nil
		}}
		errs := billingtest.Concurrently(3, func(i int) (err error) {
			switch i {
			case 0:
				_, err = w.RenewerOver(paused, w.Provider).Run(w.T.Context())
			case 1:
				time.Sleep(sendWindow + time.Second)
				_, err = w.ProcessOver(w.Store, &faultyProvider{Provider: w.Provider, delay: 4 * time.Second}).Sweep(w.T.Context(), 10, 16)
			case 2:
				time.Sleep(sendWindow + 2*time.Second)
				err = w.cancel(user, billing.AtPeriodEnd)
			}
			return err
		})
		billingtest.ExpectError(t, errors.Join(errs...), nil)
		for _, p := range w.paymentsOf(user) {
			if p.Status != billing.PaymentSucceeded || p.Contradiction != "" {
				t.Errorf("payment %s is %s: %s", p.ID, p.Status, p.Contradiction)
			}
		}
		w.expectPaid([]billing.UserID{user}, 2)
	})
}

func (w world) paymentsOf(user billing.UserID) []billing.Payment {
	w.T.Helper()
	list, err := w.Store.Views().Payments(w.T.Context(), user, ports.Page{Limit: 1000})
	billingtest.ExpectError(w.T, err, nil)
	return list
}
