package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// PaymentKey identifies a payment. Every key begins with the user, so that
// users can be spread over several databases.
type PaymentKey struct {
	User billing.UserID
	ID   billing.PaymentID
}

// KeyOf returns the key of p.
func KeyOf(p *billing.Payment) PaymentKey { return PaymentKey{p.UserID, p.ID} }

// Payments stores payment intents.
type Payments interface {
	// Add stores pending payments and gives the caller the exclusive right to send
	// them until sendFor elapses. Until then sweeps skip them, unless they are
	// released. It returns [billing.ErrAlreadyExists] if the subscription has a
	// pending payment or the period is already paid.
	Add(ctx context.Context, sendFor time.Duration, p ...billing.Payment) error
	// Lock locks and returns the payments that exist, in any order.
	Lock(ctx context.Context, keys ...PaymentKey) ([]billing.Payment, error)
	// Save updates locked payments. It returns [billing.ErrAlreadyExists] if another
	// payment has already paid for the period.
	Save(ctx context.Context, p ...billing.Payment) error
	// SaveIfUnchanged is Save with optimistic locking: see
	// [Subscriptions.SaveIfUnchanged]. LeaseForSweep changes the version.
	SaveIfUnchanged(ctx context.Context, p ...Versioned[billing.Payment]) error
	// SavePeriod updates the periods of payments that the transaction has locked or saved.
	// It returns [billing.ErrAlreadyExists] if another payment has already paid for the
	// period.
	SavePeriod(ctx context.Context, p ...billing.Payment) error
	// SaveReview updates ReviewSince, ChargedLateAt, ActionURL and ActionExpiresAt of
	// payments that the transaction has locked or saved. Save does not update the first
	// two and the last.
	SaveReview(ctx context.Context, p ...billing.Payment) error
}

// PaymentLeases decides which process may look up or send a pending payment.
//
// A payment has two leases, both on the database clock, because the clocks of
// two machines differ and the billing clock can be set:
//
//	send_until  until then exactly one process may send the charge
//	sweep_at    until then sweeps skip the payment
type PaymentLeases interface {
	// ReleaseSweep lets sweeps take pending payments immediately. The send lease
	// keeps running.
	ReleaseSweep(ctx context.Context, keys ...PaymentKey) error
	// ReleaseUnsent ends the leases of payments that the caller definitely did not send.
	ReleaseUnsent(ctx context.Context, u Unsent, keys ...PaymentKey) error
	// LeaseForSweep returns the pending payments of q whose sweep_at has passed, and
	// moves sweep_at by the interval. The age is counted from send_until.
	LeaseForSweep(ctx context.Context, q SweepQuery) ([]Unsettled, error)
	// LeaseForResend gives the caller the exclusive right to send pending payments
	// until sendFor elapses, and returns the keys it granted. It skips payments that
	// are settled, that another process may still send, or that another process was
	// given the right to send after the absence was observed: that process may have
	// sent the payment.
	LeaseForResend(ctx context.Context, sendFor time.Duration, absent ...Absence) ([]PaymentKey, error)
	// SendRemaining returns the remaining send lease of a payment, or 0 if the payment
	// is settled or can no longer be sent.
	SendRemaining(ctx context.Context, key PaymentKey) (time.Duration, error)
	// MaxSendRemaining returns the longest remaining send lease of all pending
	// renewals, or 0 if there is none.
	MaxSendRemaining(ctx context.Context) (time.Duration, error)
}

// Unsent says more about payments that a process did not send.
type Unsent struct {
	Never bool // no process ever sent them: their first sending is still to come
	Swept bool // a sweep has leased them, and keeps that lease
}

// Notices applies the notifications of payment systems.
type Notices interface {
	// LookUpNow lets sweeps take the payment that n names immediately, if it is pending or
	// abandoned, or the refund that is pending or succeeded. It reports whether there is one
	// at the payment system. Send leases keep running. A notice that names a method is not
	// about a payment.
	LookUpNow(ctx context.Context, system string, n Notice) (bool, error)
}

// Rechecks decides when abandoned payments are looked up again, because their payment
// system may have charged them nevertheless.
type Rechecks interface {
	// Schedule plans the next lookup of abandoned payments that have had a number of such
	// lookups: after a time on the database clock, or never if it is 0. It leaves out
	// payments that no process has sent.
	Schedule(ctx context.Context, after time.Duration, checks int, keys ...PaymentKey) error
	// LeaseForRecheck returns the abandoned payments of q whose time has come, and moves it
	// by the longest interval of q.
	LeaseForRecheck(ctx context.Context, q SweepQuery) ([]Recheck, error)
}

// Recheck is an abandoned payment that a sweep has leased.
type Recheck struct {
	billing.Payment
	Checks int               // lookups since it was abandoned that had an answer
	Times  billing.SendTimes // Until and Lookup are the time of this lease
}

// SweepQuery selects the payments that a sweep leases, the earliest sweep_at first.
type SweepQuery struct {
	System   string                 // code of the payment system
	Interval billing.LookupInterval // until the next sweep may take them
	Limit    int
}

// Absence is the observation that a payment system does not know a payment. It counts
// only for the send window in which it was made.
type Absence struct {
	PaymentKey
	SendUntil time.Time // see [Unsettled]
}

// Unsettled is a pending payment that a sweep has leased.
type Unsettled struct {
	billing.Payment
	// Times has the end of the last send lease, which identifies the send window, and the
	// time of this lease as that of the lookup.
	Times billing.SendTimes
}

// PaymentDetails is everything that the store knows about one payment.
type PaymentDetails struct {
	billing.Payment
	SendUntil time.Time         // end of the send lease, while pending
	LookAt    time.Time         // next lookup, while pending
	Events    []billing.Event   // caused by the payment or its refunds, oldest first
	Refunds   []billing.Refund  // oldest first
	Receipts  []billing.Receipt // of the payment and of its refunds, oldest first, without their contacts
}
