package ports

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// SubscriptionKey finds one subscription.
type SubscriptionKey struct {
	User billing.UserID
	ID   billing.SubscriptionID
}

// Subscriptions keeps subscriptions. Whoever needs a subscription and its
// payment locks the subscription first.
type Subscriptions interface {
	// Named locks and returns the subscription that ref names: by its own id, or
	// by its plan's code or id (the live one, else the newest).
	// [billing.ErrNotFound] when the user has none such.
	Named(ctx context.Context, user billing.UserID, ref string) (billing.Subscription, error)
	// Lock locks and returns those that exist, in any order.
	Lock(ctx context.Context, keys ...SubscriptionKey) ([]billing.Subscription, error)
	// Add adds new ones. [billing.ErrAlreadySubscribed] when the user has a live
	// one to the same plan.
	Add(ctx context.Context, s ...billing.Subscription) error
	// LockDue locks and returns those that q asks for, the earliest first, and
	// leaves out those that another transaction has locked.
	LockDue(ctx context.Context, q DueQuery) ([]Due, error)
	// Save writes locked ones.
	Save(ctx context.Context, s ...billing.Subscription) error
	// Replace writes those that nobody has written since the version beside each,
	// without locking them first; those with the zero version are locked.
	// [ErrChanged] when somebody has, perhaps only when InTx returns.
	Replace(ctx context.Context, versions []RowVersion, s ...billing.Subscription) error
}

// DueQuery asks for subscriptions with something to do: those that have not
// ended, whose next charge is at Now or earlier, and that have no payment
// pending.
type DueQuery struct {
	Now     time.Time
	From    time.Time // only those whose next charge is then or later; zero for all
	Systems []string  // only those paid through one of these payment systems
	Limit   int       // at most so many
}

// Due is a subscription with something to do, and what it is paid with.
type Due struct {
	billing.Subscription
	Method  billing.PaymentMethod
	Version RowVersion // that the transaction which locked it will have written
}

// RowVersion tells what one transaction wrote from what any other did. It is good
// for as long as a payment may be sent, and no longer: a store may use it again
// one day. None is the zero one.
type RowVersion uint32

// ErrChanged says that somebody has written what was to be replaced.
var ErrChanged = errors.New("it was changed meanwhile")
