package renewals_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// lockCounter is a store that counts the payments that are locked and reread.
type lockCounter struct {
	ports.Store
	n *atomic.Int64
}

func (s lockCounter) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments = countedLocks{tx.Payments, s.n}
		return f(tx)
	})
}

type countedLocks struct {
	ports.Payments
	n *atomic.Int64
}

func (r countedLocks) Lock(ctx context.Context, keys ...ports.PaymentKey) ([]billing.Payment, error) {
	r.n.Add(int64(len(keys)))
	return r.Payments.Lock(ctx, keys...)
}

// A run records outcomes on the state it stored itself, unless that state changed.
func TestRun_RereadsOnlyChangedPayments(t *testing.T) {
	t.Parallel()
	for name, cancels := range map[string]bool{"no change": false, "viewer cancels": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(20)
				w.Clock.Advance(billingtest.Month)
				var once atomic.Bool
				w.Provider.OnCharge = func() {
					if cancels && !once.Swap(true) {
						billingtest.ExpectError(w.T, w.cancel(users[7], billing.AtPeriodEnd), nil)
					}
				}
				store := lockCounter{w.Store, new(atomic.Int64)}
				w.expectRunOf(w.RenewerOver(store, w.Provider), ports.Summary{Due: 20, Renewed: 20}, nil)
				if n := store.n.Load(); (n > 0) != cancels {
					t.Errorf("%d payments were reread", n)
				}
				if got := w.subscriptionOf(users[7]).CancelAtPeriodEnd; got != cancels {
					t.Errorf("CancelAtPeriodEnd = %t, want %t", got, cancels)
				}
				w.expectPaid(users, 2)
			})
		})
	}
}
