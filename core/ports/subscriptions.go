package ports

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// SubscriptionKey identifies a subscription.
type SubscriptionKey struct {
	User billing.UserID
	ID   billing.SubscriptionID
}

// Subscriptions stores subscriptions. To avoid deadlocks, every transaction that waits
// for locks locks subscriptions first, in the order of their ids, then payments, then
// cards, and payment methods last.
type Subscriptions interface {
	// Named locks and returns the subscription that ref names: its id, or the code
	// or id of its plan. For a plan it prefers the live subscription, then the
	// newest. It returns [billing.ErrNotFound] if the user has none.
	Named(ctx context.Context, user billing.UserID, ref string) (billing.Subscription, error)
	// Lock locks and returns the subscriptions that exist, in any order.
	Lock(ctx context.Context, keys ...SubscriptionKey) ([]billing.Subscription, error)
	// Add stores new subscriptions. It returns [billing.ErrAlreadySubscribed] if the
	// user has a live one to the same plan, and [billing.ErrPlanGroupTaken] if the user
	// has one that was stored with the same group.
	Add(ctx context.Context, s ...billing.Subscription) error
	// Save updates locked subscriptions, except for their group and their agreed terms.
	Save(ctx context.Context, s ...billing.Subscription) error
	// SaveIfUnchanged updates subscriptions without locking them first. It returns
	// [ErrChanged], perhaps only from InTx, if another transaction has written one
	// of them since its version. A record with version [Locked] is locked and saved
	// like any other.
	SaveIfUnchanged(ctx context.Context, s ...Versioned[billing.Subscription]) error
	// SaveTerms updates the payment system, the signature of the consent, and the anchor
	// of subscriptions that the transaction has locked or saved.
	SaveTerms(ctx context.Context, s ...billing.Subscription) error
}

// DueSubscriptions locks the subscriptions that a run works on. It skips rows that another
// transaction has locked.
type DueSubscriptions interface {
	// LockDue locks and returns the subscriptions that q asks for, the earliest first.
	LockDue(ctx context.Context, q DueQuery) ([]Due, error)
	// LockOver locks and returns at most limit subscriptions that are over at now: first those
	// on hold whose grace has ended and that have no pending payment, the earliest first, then
	// the given ones whose period has ended, by user.
	LockOver(ctx context.Context, now time.Time, limit int) ([]billing.Subscription, error)
}

// DueQuery selects live subscriptions without a pending payment whose next charge
// is at Now or earlier.
type DueQuery struct {
	Now      time.Time
	From     time.Time // lower bound of the next charge; zero for none
	Systems  []string  // codes of payment systems
	Limit    int
	NoticeBy time.Time // a renewal must have a reminder of this time or earlier; zero if none is required
}

// Due is a subscription that is due, and the method to charge.
type Due struct {
	billing.Subscription
	Method  billing.PaymentMethod
	Version RowVersion // of the row once the locking transaction has written it
}

// RowVersion identifies the transaction that last wrote a row. A store may reuse
// a version later, but not while a payment may be sent.
type RowVersion uint32

// Locked is the version of a record that the transaction has locked.
const Locked RowVersion = 0

// Versioned is a record to be saved, and the version of the row that it replaces.
type Versioned[T any] struct {
	Record  T
	Version RowVersion
}

// ErrChanged reports that another transaction has written a row since the
// expected version.
var ErrChanged = errors.New("the row was changed by another transaction")
