package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Saves stores the intents to save payment methods without a charge. A pending save has
// the same two leases as a payment: see [PaymentLeases].
type Saves interface {
	// Add stores a pending save of a stored method, and gives the caller the exclusive
	// right to send it until sendFor elapses. Until then sweeps skip it, unless it is
	// released.
	Add(ctx context.Context, sendFor time.Duration, s billing.MethodSave) error
	// Lock locks and returns a save. It returns [billing.ErrPaymentMethodNotFound] if the
	// method was not saved without a charge.
	Lock(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.MethodSave, error)
	// Save updates the outcome of a locked save. A settled one has no leases any more.
	Save(ctx context.Context, s billing.MethodSave) error
	// Release lets sweeps take a pending save immediately.
	Release(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) error
	// LeaseForSweep is [PaymentLeases.LeaseForSweep] for saves.
	LeaseForSweep(ctx context.Context, q SweepQuery) ([]UnsettledSave, error)
	// LookUpNow is [Notices.LookUpNow] for saves.
	LookUpNow(ctx context.Context, system string, n Notice) (bool, error)
}

// UnsettledSave is a pending save that a sweep has leased.
type UnsettledSave struct {
	billing.MethodSave
	Times billing.SendTimes // see [Unsettled]
}

// TokenRemovals stores the tokens of removed methods until their payment systems have
// forgotten them.
type TokenRemovals interface {
	// Add stores the tokens of methods that are removed in the same transaction. It skips
	// methods without a token.
	Add(ctx context.Context, m ...billing.PaymentMethod) error
	// Lease returns at most limit tokens, and gives the caller the exclusive right to
	// ask the payment system until an interval elapses. The interval grows with the age.
	Lease(ctx context.Context, interval billing.LookupInterval, limit int) ([]TokenRemoval, error)
	// Done erases a token, because the payment system has forgotten it or must keep it.
	Done(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) error
	// InUse reports whether a method of the user that is not removed has the token.
	InUse(ctx context.Context, r TokenRemoval) (bool, error)
}

// TokenRemoval is the token of a removed method, which the payment system must forget.
type TokenRemoval struct {
	User          billing.UserID
	Method        billing.PaymentMethodID // the removed one
	PaymentSystem string
	Token         billing.Secret // empty if it cannot be decrypted
	Age           time.Duration  // since the removal, on the store's clock
}
