package renewals_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// lockedOnce is a store in which another transaction holds a user's subscription
// during the first search for due ones.
type lockedOnce struct {
	ports.Store
	user     billing.UserID
	searches *atomic.Int64
}

func (s lockedOnce) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Due = lockedOnceDue{tx.Due, s}
		return f(tx)
	})
}

type lockedOnceDue struct {
	ports.DueSubscriptions
	store lockedOnce
}

func (r lockedOnceDue) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	due, err := r.DueSubscriptions.LockDue(ctx, q)
	if r.store.searches.Add(1) == 1 {
		due = slices.DeleteFunc(due, func(d ports.Due) bool { return d.UserID == r.store.user })
	}
	return due, err
}

// A run searches onwards from the last subscription that it found. At the end it
// searches once more from the beginning, for the subscriptions that were locked.
func TestRun_ReturnsToLockedSubscription(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		first := w.addSubscribers(1)
		w.Clock.Advance(time.Minute)
		users := append(w.addSubscribers(3), first...)
		w.Clock.Advance(billingtest.Month)
		store := lockedOnce{w.Store, first[0], new(atomic.Int64)}
		w.expectRunOf(w.RenewerOver(store, w.Provider), ports.Summary{Due: 4, Renewed: 4}, nil)
		w.expectPaid(users, 2)
	})
}

// A renewal that definitely was not sent is sent again at once. It does not wait for the
// end of its send window.
func TestRun_ResendsUnsentAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(1)
		w.Clock.Advance(billingtest.Month)
		began := time.Now()
		p := &faultyProvider{Provider: w.Provider, before: firstCalls(1, ports.ErrNotSent)}
		w.expectRunOf(w.RenewerOver(w.Store, p), ports.Summary{Due: 1, Renewed: 1}, nil)
		if took := time.Since(began); took >= billingtest.ChargeTimeout {
			w.T.Errorf("the run took %s, want less than a send window", took)
		}
		w.expectPaid(users, 2)
	})
}
