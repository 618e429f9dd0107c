//go:build mutant

package mutant

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// claims replaces LockDue.
type claims struct {
	ports.DueSubscriptions
	lockDue func(context.Context, ports.DueQuery) ([]ports.Due, error)
}

func (s claims) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	return s.lockDue(ctx, q)
}

// eachDue applies change to each claimed subscription.
func eachDue(tx *ports.Repos, change func(context.Context, *ports.Due) error) {
	inner := tx.Due
	tx.Due = claims{inner, func(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
		due, err := inner.LockDue(ctx, q)
		for i := range due {
			if err == nil {
				err = change(ctx, &due[i])
			}
		}
		return due, err
	}}
}

// claimWithoutLock reads due subscriptions without locking them. It waits before it
// returns, so that runs overlap.
func claimWithoutLock(b *bug, tx *ports.Repos) {
	inner := tx.Due
	tx.Due = claims{inner, func(ctx context.Context, q ports.DueQuery) (due []ports.Due, err error) {
		err = b.store.Views().Due(ctx, q, func(d ports.Due) error {
			due = append(due, d)
			return nil
		})
		time.Sleep(100 * time.Millisecond)
		return due, err
	}}
}

// begun is set once the process has started its first pass.
var begun atomic.Bool

// watermarkNotReset returns no subscriptions to later passes of a run, so that it never
// returns to those that were locked.
func watermarkNotReset(_ *bug, tx *ports.Repos) {
	inner := tx.Due
	tx.Due = claims{inner, func(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
		if q.From.IsZero() && begun.Swap(true) {
			return nil, nil
		}
		return inner.LockDue(ctx, q)
	}}
}

// renewalAtTodaysPrice charges the plan's current price instead of the agreed one. It
// also forgets the signature of the agreed price, because the run would notice.
func renewalAtTodaysPrice(b *bug, tx *ports.Repos) {
	eachDue(tx, func(ctx context.Context, d *ports.Due) error {
		plans, err := b.store.Views().Plans(ctx) // a run may not lock plans
		for _, plan := range plans {
			if plan.ID == d.PlanID {
				d.Price, d.ConsentMAC = plan.Price, ""
			}
		}
		return err
	})
}

// cancelledIsRenewed ignores that the viewer has cancelled.
func cancelledIsRenewed(_ *bug, tx *ports.Repos) {
	eachDue(tx, func(_ context.Context, d *ports.Due) error {
		d.CancelAtPeriodEnd = false
		return nil
	})
}

// endingPlanRenewed ignores that the plan is being ended.
func endingPlanRenewed(_ *bug, tx *ports.Repos) {
	eachDue(tx, func(_ context.Context, d *ports.Due) error {
		d.PlanEnding = false
		return nil
	})
}

// noticeNotChecked charges renewals whose notice is missing or not old enough.
func noticeNotChecked(_ *bug, tx *ports.Repos) {
	inner := tx.Due
	tx.Due = claims{inner, func(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
		q.NoticeBy = time.Time{}
		return inner.LockDue(ctx, q)
	}}
}

// anchorDrifts counts months from the end of the last period instead of the anchor.
func anchorDrifts(_ *bug, tx *ports.Repos) {
	eachDue(tx, func(_ context.Context, d *ports.Due) error {
		d.AnchorAt = d.Current.End
		return nil
	})
}
