package app_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func TestAStopFinishesWhatIsInFlightAndStartsNothing(t *testing.T) {
	t.Parallel()
	const n = 300
	inBubble(t, func(w world) {
		users := w.join(n)
		w.clock.advance(month)
		ctx, stop := context.WithCancel(w.t.Context())
		defer stop()
		var late atomic.Int64
		store := faults{w.store, func(d did, committed bool) error {
			if d.claimed && !committed && ctx.Err() != nil {
				late.Add(1)
			}
			return nil
		}}
		p := &faulty{Provider: w.psp, after: func(i int64) error {
			if i == 20 {
				stop()
			}
			return nil
		}}
		got, err := w.renewerOver(store, p).Run(ctx)
		expectError(t, err, nil)
		if got.Due < 20 || got.Due == n || got != (app.Summary{Due: got.Due, Renewed: got.Due}) {
			t.Errorf("the run says %+v", got)
		}
		if late.Load() > 2 { // what both claimers were about
			t.Errorf("%d claims were made after the stop", late.Load())
		}
		if left := w.claimed(users); len(left) > 0 {
			t.Errorf("left pending: %v", left)
		}
		w.expectAgreement()
		w.run(app.Summary{Due: n - got.Due, Renewed: n - got.Due})
		w.expectPaid(users, 2)
	})
}

func TestAStopDuringAClaimLosesNothing(t *testing.T) {
	t.Parallel()
	for name, atCommit := range map[string]bool{"before its commit": false, "during its commit": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.join(5)
				w.clock.advance(month)
				ctx, stop := context.WithCancel(w.t.Context())
				defer stop()
				store := faults{w.store, func(d did, committed bool) error {
					if d.added && committed == atCommit {
						stop()
					}
					return nil
				}}
				got, err := w.renewerOver(store, w.psp).Run(ctx)
				expectError(w.t, err, nil)
				if got != (app.Summary{Due: 5, Renewed: 5}) {
					w.t.Errorf("the run says %+v, want what was claimed to be charged", got)
				}
				w.expectPaid(users, 2)
			})
		})
	}
}

func TestAStopWhileSettlingIsNoFailure(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(context.Context) error{
		"look-ups go on":      func(context.Context) error { return nil },
		"look-ups are broken": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.psp.suffers(lostAfter)
				users := w.join(60)
				w.psp.suffers(fine)
				ctx, stop := context.WithCancel(w.t.Context())
				defer stop()
				r := w.renewerOver(w.store, stopped{w.psp, stop, look, new(atomic.Int64)})
				r.Concurrency = 40
				_, err := r.Run(ctx)
				expectError(w.t, err, nil)
				w.runUntilQuiet()
				w.expectAll(users, billing.StatusActive)
				w.expectPaid(users, 1)
			})
		})
	}
}

// stopped is a payment system during whose look-ups the run is stopped, when so
// many of them are under way that all together would look like an outage.
type stopped struct {
	app.Provider
	stop  func()
	look  func(context.Context) error
	looks *atomic.Int64
}

func (s stopped) Find(ctx context.Context, key billing.PaymentID) (billing.Outcome, error) {
	if s.looks.Add(1) == 30 {
		s.stop()
	}
	if err := s.look(ctx); err != nil {
		return billing.Outcome{}, err
	}
	return s.Provider.Find(ctx, key)
}

func TestAStopWhileWaitingEndsTheWait(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.join(1)
		w.clock.advance(month)
		w.claimOnly() // and a run would wait until it may send that
		ctx, stop := context.WithTimeout(w.t.Context(), chargeTimeout)
		defer stop()
		got, err := w.renewer().Run(ctx)
		if err != nil || got != (app.Summary{}) {
			t.Errorf("the run says %+v, %v", got, err)
		}
		w.runUntilQuiet()
		w.expectCharges(2)
	})
}
