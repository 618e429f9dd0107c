package app_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// lockings counts the payments that are read again under lock.
type lockings struct {
	app.Store
	n *atomic.Int64
}

func (s lockings) InTx(ctx context.Context, f func(app.Repos) error) error {
	return s.Store.InTx(ctx, func(tx app.Repos) error {
		tx.Payments = lockingsPayments{tx.Payments, s.n}
		return f(tx)
	})
}

type lockingsPayments struct {
	app.Payments
	n *atomic.Int64
}

func (r lockingsPayments) Lock(ctx context.Context, keys ...app.PaymentKey) ([]billing.Payment, error) {
	r.n.Add(int64(len(keys)))
	return r.Payments.Lock(ctx, keys...)
}

// A run goes by what it stored itself, unless somebody has written meanwhile.
func TestARunReadsAgainOnlyWhatWasChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, disturbed := range map[string]bool{"nobody does anything": false, "a viewer cancels": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.join(20)
				w.clock.advance(month)
				var once atomic.Bool
				w.psp.taken = func() {
					if disturbed && !once.Swap(true) {
						expectError(w.t, w.cancel(users[7], billing.AtPeriodEnd), nil)
					}
				}
				store := lockings{w.store, new(atomic.Int64)}
				w.expectRun(w.renewerOver(store, w.psp), app.Summary{Due: 20, Renewed: 20}, nil)
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
