package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func KeyOf(p *billing.Payment) PaymentKey { return PaymentKey{p.UserID, p.ID} }

// PaymentKey finds one payment.
type PaymentKey struct {
	User billing.UserID
	ID   billing.PaymentID
}

// Payments keeps the intents. Leases of payments are measured on the store's
// own wall clock, the only one that all processes share: billing time can be
// set, and the clocks of two machines differ.
type Payments interface {
	// Add adds pending payments. Whoever adds one may send it to the payment
	// system for as long as send says, and must not afterwards; until then a
	// sweep leaves it alone unless it is released. A subscription that has a
	// pending payment, or a period that is paid for, is [billing.ErrAlreadyExists].
	Add(ctx context.Context, send time.Duration, p ...billing.Payment) error
	// ReleaseSweep offers a pending payment to the sweep at once.
	ReleaseSweep(ctx context.Context, keys ...PaymentKey) error
	// ReleaseUnsent is Release for a payment that its sender surely did not send:
	// nobody may send it any more.
	ReleaseUnsent(ctx context.Context, keys ...PaymentKey) error
	// LeaseForSweep returns up to limit pending payments that are due for a look,
	// and leaves them to the caller for as long as lease says.
	LeaseForSweep(ctx context.Context, lease time.Duration, limit int) ([]Unsettled, error)
	// LeaseForResend gives the caller alone the right to send pending payments for as long
	// as send says, as Add does, and returns those for which it did: not those
	// that somebody else may still be sending, or that are settled.
	LeaseForResend(ctx context.Context, send time.Duration, keys ...PaymentKey) ([]PaymentKey, error)
	// MaxSendRemaining returns how long it takes at most until nobody sends any of the
	// renewals that are being sent at this moment; 0 when there are none.
	MaxSendRemaining(ctx context.Context) (time.Duration, error)
	// Lock locks and returns those that exist, in any order.
	Lock(ctx context.Context, keys ...PaymentKey) ([]billing.Payment, error)
	// Save writes locked ones. A period that another payment has paid for is
	// [billing.ErrAlreadyExists].
	Save(ctx context.Context, p ...billing.Payment) error
	// Replace is to Save what [Subscriptions.Replace] is to its. Whoever took a
	// payment for a look has written it.
	Replace(ctx context.Context, versions []RowVersion, p ...billing.Payment) error
}

// Unsettled is a pending payment that a sweep looks at.
type Unsettled struct {
	billing.Payment
	SendWindowClosed bool // nobody may send it any more: absence at the payment system is final
}

// PaymentDetails is all that the books say of one payment.
type PaymentDetails struct {
	billing.Payment
	SendUntil time.Time       // while it is pending: until when somebody may be sending it
	LookAt    time.Time       // while it is pending: when it is looked up next
	Events    []billing.Event // that it caused, oldest first
}
