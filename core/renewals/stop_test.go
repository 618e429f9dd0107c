package renewals_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

func TestRun_StopFinishesRunningCharges(t *testing.T) {
	t.Parallel()
	const n = 300
	inBubble(t, func(w world) {
		users := w.addSubscribers(n)
		w.Clock.Advance(billingtest.Month)
		ctx, stop := context.WithCancel(w.T.Context())
		defer stop()
		var late atomic.Int64
		store := faultyStore{Store: w.Store, fail: func(d txCalls, committed bool) error {
			if d.claimed && !committed && ctx.Err() != nil {
				late.Add(1)
			}
			return nil
		}}
		p := &faultyProvider{Provider: w.Provider, after: func(i int64) error {
			if i == 20 {
				stop()
			}
			return nil
		}}
		got, err := w.RenewerOver(store, p).Run(ctx)
		billingtest.ExpectError(t, err, nil)
		if got.Due < 20 || got.Due == n || got != (ports.Summary{Due: got.Due, Renewed: got.Due}) {
			t.Errorf("the summary is %+v, want at least 20 due and all of them renewed", got)
		}
		if late.Load() > 2 { // one per claimer may have begun
			t.Errorf("%d claims were made after the stop, want at most 2", late.Load())
		}
		if left := w.claimed(users); len(left) > 0 {
			t.Errorf("payments left pending: %v", left)
		}
		w.ExpectReconciled()
		w.expectRun(ports.Summary{Due: n - got.Due, Renewed: n - got.Due})
		w.expectPaid(users, 2)
	})
}

func TestRun_StopDuringClaim(t *testing.T) {
	t.Parallel()
	for name, atCommit := range map[string]bool{"before the commit": false, "during the commit": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(5)
				w.Clock.Advance(billingtest.Month)
				ctx, stop := context.WithCancel(w.T.Context())
				defer stop()
				store := faultyStore{Store: w.Store, fail: func(d txCalls, committed bool) error {
					if d.added && committed == atCommit {
						stop()
					}
					return nil
				}}
				got, err := w.RenewerOver(store, w.Provider).Run(ctx)
				billingtest.ExpectError(w.T, err, nil)
				if got != (ports.Summary{Due: 5, Renewed: 5}) {
					w.T.Errorf("the summary is %+v, want all claimed renewals charged", got)
				}
				w.expectPaid(users, 2)
			})
		})
	}
}

func TestRun_StopDuringLookups(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(context.Context) error{
		"lookups work": func(context.Context) error { return nil },
		"lookups hang": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.Provider.SetFault(billingtest.ResponseLost)
				users := w.addSubscribers(60)
				w.Provider.SetFault(billingtest.NoFault)
				ctx, stop := context.WithCancel(w.T.Context())
				defer stop()
				r := w.RenewerOver(w.Store, stoppingProvider{w.Provider, stop, look, new(atomic.Int64)})
				r.Concurrency = 40
				_, err := r.Run(ctx)
				billingtest.ExpectError(w.T, err, nil)
				w.runUntilQuiet()
				w.expectAll(users, billing.StatusActive)
				w.expectPaid(users, 1)
			})
		})
	}
}

// stoppingProvider stops the run during its 30th lookup. So many failed lookups
// would count as an outage.
type stoppingProvider struct {
	ports.Provider
	stop    func()
	lookup  func(context.Context) error
	lookups *atomic.Int64
}

func (s stoppingProvider) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	if s.lookups.Add(1) == 30 {
		s.stop()
	}
	if err := s.lookup(ctx); err != nil {
		return billing.Outcome{}, err
	}
	return s.Provider.Find(ctx, q)
}

func TestRun_StopDuringWait(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.addSubscribers(1)
		w.Clock.Advance(billingtest.Month)
		w.claimOnly() // a run waits until it may send that payment
		ctx, stop := context.WithTimeout(w.T.Context(), billingtest.ChargeTimeout)
		defer stop()
		got, err := w.Renewer().Run(ctx)
		if err != nil || got != (ports.Summary{}) {
			t.Errorf("the summary is %+v, %v, want it empty", got, err)
		}
		w.runUntilQuiet()
		w.ExpectCharges(2)
	})
}
