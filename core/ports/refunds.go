package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// RefundKey identifies a refund: see [PaymentKey].
type RefundKey struct {
	User billing.UserID
	ID   billing.RefundID
}

// KeyOfRefund returns the key of r.
func KeyOfRefund(r *billing.Refund) RefundKey { return RefundKey{r.UserID, r.ID} }

// Refunds stores refunds. A transaction locks payments before their refunds.
type Refunds interface {
	// Add reserves the amount of each refund in its payment, and stores it. Sweeps can take
	// a pending one at once. Errors:
	//
	//	billing.ErrRefundExceedsPayment  less is left of the payment
	//	billing.ErrRefundOpen            another refund of the payment is pending
	//	billing.ErrAlreadyExists         there is a refund with this id
	Add(ctx context.Context, r ...billing.Refund) error
	// Lock locks and returns the refunds that exist, in any order.
	Lock(ctx context.Context, keys ...RefundKey) ([]billing.Refund, error)
	// Save updates the status, the reference and the times of locked refunds. If a refund no
	// longer reserves its amount, Save releases it: see [billing.Refund.Reserves].
	Save(ctx context.Context, r ...billing.Refund) error
	// OfPayment returns the refunds of a payment, oldest first. It locks nothing.
	OfPayment(ctx context.Context, key PaymentKey) ([]billing.Refund, error)
}

// RefundLeases decides which process may look up or send a refund. The leases are those of
// [PaymentLeases].
type RefundLeases interface {
	// LeaseForSweep returns the refunds of q whose sweep_at has passed, and moves sweep_at by
	// the interval. They are pending, or [Notices] named them.
	LeaseForSweep(ctx context.Context, q SweepQuery) ([]UnsettledRefund, error)
	// LeaseForSend gives the caller the exclusive right to send pending refunds until
	// sendFor elapses, and returns the keys it granted: see [PaymentLeases].
	LeaseForSend(ctx context.Context, sendFor time.Duration, absent ...RefundAbsence) ([]RefundKey, error)
	// ReleaseUnsent ends the send lease of a refund that the caller definitely did not send.
	// never says that no process ever sent it.
	ReleaseUnsent(ctx context.Context, key RefundKey, never bool) error
}

// RefundAbsence is the observation that a payment system does not know a refund. It counts
// only for the send window in which it was made.
type RefundAbsence struct {
	RefundKey
	SendUntil time.Time // see [UnsettledRefund]
}

// UnsettledRefund is a refund that a sweep has leased.
type UnsettledRefund struct {
	billing.Refund
	Times billing.SendTimes // as those of [Unsettled]; First is zero if no process has sent it
}
