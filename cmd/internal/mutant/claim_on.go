//go:build mutant

package mutant

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// dueSpoilt changes how due subscriptions are claimed.
type dueSpoilt struct {
	ports.Subscriptions
	lockDue func(context.Context, ports.DueQuery) ([]ports.Due, error)
}

func (s dueSpoilt) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	return s.lockDue(ctx, q)
}

// eachDue changes each subscription that is due.
func eachDue(tx *ports.Repos, change func(context.Context, *ports.Due) error) {
	inner := tx.Subscriptions
	tx.Subscriptions = dueSpoilt{inner, func(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
		due, err := inner.LockDue(ctx, q)
		for i := range due {
			if err == nil {
				err = change(ctx, &due[i])
			}
		}
		return due, err
	}}
}

// claimWithoutLock reads what is due as anybody may, and takes its time.
func claimWithoutLock(b *bug, tx *ports.Repos) {
	inner := tx.Subscriptions
	tx.Subscriptions = dueSpoilt{inner, func(ctx context.Context, q ports.DueQuery) (due []ports.Due, err error) {
		err = b.store.Views().Due(ctx, q, func(d ports.Due) error {
			due = append(due, d)
			return nil
		})
		time.Sleep(100 * time.Millisecond)
		return due, err
	}}
}

var begun atomic.Bool

// watermarkNotReset never looks at the beginning again.
func watermarkNotReset(_ *bug, tx *ports.Repos) {
	inner := tx.Subscriptions
	tx.Subscriptions = dueSpoilt{inner, func(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
		if q.From.IsZero() && begun.Swap(true) {
			return nil, nil
		}
		return inner.LockDue(ctx, q)
	}}
}

// renewalAtTodaysPrice takes the plan's price instead of the viewer's.
func renewalAtTodaysPrice(b *bug, tx *ports.Repos) {
	eachDue(tx, func(ctx context.Context, d *ports.Due) error {
		plans, err := b.store.Views().Plans(ctx) // a run may not lock one
		for _, plan := range plans {
			if plan.ID == d.PlanID {
				d.Price = plan.Price
			}
		}
		return err
	})
}

// cancelledIsRenewed overlooks that the viewer has cancelled.
func cancelledIsRenewed(_ *bug, tx *ports.Repos) {
	eachDue(tx, func(_ context.Context, d *ports.Due) error {
		d.CancelAtPeriodEnd = false
		return nil
	})
}

// anchorDrifts counts months from the last period, not from the first.
func anchorDrifts(_ *bug, tx *ports.Repos) {
	eachDue(tx, func(_ context.Context, d *ports.Due) error {
		d.AnchorAt = d.Current.End
		return nil
	})
}
