package renewals_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// lockings counts the payments that are read again under lock.
type lockings struct {
	ports.Store
	n *atomic.Int64
}

func (s lockings) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments = lockingsPayments{tx.Payments, s.n}
		return f(tx)
	})
}

type lockingsPayments struct {
	ports.Payments
	n *atomic.Int64
}

func (r lockingsPayments) Lock(ctx context.Context, keys ...ports.PaymentKey) ([]billing.Payment, error) {
	r.n.Add(int64(len(keys)))
	return r.Payments.Lock(ctx, keys...)
}

// A run goes by what it stored itself, unless somebody has written meanwhile.
func TestRun_RereadsOnlyChangedPayments(t *testing.T) {
	t.Parallel()
	for name, disturbed := range map[string]bool{"nobody does anything": false, "a viewer cancels": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(20)
				w.Clock.Advance(billingtest.Month)
				var once atomic.Bool
				w.Provider.OnCharge = func() {
					if disturbed && !once.Swap(true) {
						billingtest.ExpectError(w.T, w.cancel(users[7], billing.AtPeriodEnd), nil)
					}
				}
				store := lockings{w.Store, new(atomic.Int64)}
				w.expectRunOf(w.RenewerOver(store, w.Provider), ports.Summary{Due: 20, Renewed: 20}, nil)
				if n := store.n.Load(); (n > 0) != disturbed {
					t.Errorf("%d payments were read again", n)
				}
				if got := w.subscriptionOf(users[7]).CancelAtPeriodEnd; got != disturbed {
					t.Errorf("cancelled: %t", got)
				}
				w.expectPaid(users, 2)
			})
		})
	}
}
