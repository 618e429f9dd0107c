package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// PlanEndings stores the decisions of operators to end plans, and their progress.
type PlanEndings interface {
	// Add stores a new ending. The plan must be locked, and is saved after it. Add returns
	// [billing.ErrAlreadyExists] if the plan was ended at the same time before.
	Add(ctx context.Context, e billing.PlanEnding) error
	// LockOpen locks and returns the oldest ending that is not done, and its plan, which is not
	// restored until the transaction ends. It skips endings that other transactions have
	// locked, and returns [billing.ErrNotFound] if no other is open.
	LockOpen(ctx context.Context) (billing.PlanEnding, billing.Plan, error)
	// Next returns the live subscriptions to the plan of the next limit users after e.After,
	// in the order of the users. It locks nothing.
	Next(ctx context.Context, e billing.PlanEnding, limit int) ([]SubscriptionKey, error)
	// Save stores the progress of a locked ending.
	Save(ctx context.Context, e billing.PlanEnding) error
}

// PlanEndingViews reads the ends of plans.
type PlanEndingViews interface {
	// PlanEnding returns the latest ending of a plan, or [billing.ErrNotFound].
	PlanEnding(ctx context.Context, id billing.PlanID) (billing.PlanEnding, error)
	// Renewing counts the live subscriptions to a plan that are not cancelled.
	Renewing(ctx context.Context, id billing.PlanID) (Renewing, error)
}

// Renewing are the live subscriptions to a plan that are not cancelled.
type Renewing struct {
	Viewers           int
	FirstEnd, LastEnd time.Time // of their periods; zero if there are none
}

// PlanEnding reports whether the plan of a locked subscription is being ended. The locked
// record may say less: its statement may have begun before the plan was ended, and waited for
// the lock since. Each later statement of the transaction sees the end.
func PlanEnding(ctx context.Context, tx Repos, s billing.Subscription) (bool, error) {
	again, err := tx.Subscriptions.Lock(ctx, SubscriptionKey{User: s.UserID, ID: s.ID})
	if err != nil || len(again) == 0 {
		return s.PlanEnding, err
	}
	return again[0].PlanEnding, nil
}
