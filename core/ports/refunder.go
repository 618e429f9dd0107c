package ports

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Refunder is a payment system that can pay back.
//
// After an error the outcome is unknown, unless the error is one of the known ones. Errors
// contain no secrets and never quote the payment system's response.
type Refunder interface {
	// Refund pays back at most once for each key, however often it is called. A repeated
	// call returns the refund as it is now.
	//
	//	ErrNotSent      this call definitely did not reach it; nothing was paid back
	//	ErrRefused      it rejects the request as invalid; nothing was paid back
	//	ErrKeyConflict  the key was used for another request
	//	ErrCredentials  it rejects our credentials; nothing was paid back
	//	*BusyError      it had too many requests; is also ErrNotSent
	//	ErrTooLate      the key may be forgotten; nothing was sent
	//	any other       unknown
	Refund(ctx context.Context, r RefundRequest) (billing.RefundOutcome, error)
	// FindRefund returns the outcome of a refund. It changes nothing there.
	//
	//	ErrRefundNotFound  it has no such refund; whether that is final depends on its
	//	                   [billing.KeyLimits]
	//	any other          unknown at the moment
	FindRefund(ctx context.Context, q RefundQuery) (billing.RefundOutcome, error)
	// Refunds calls each for every refund that was made at or after from, in any order,
	// even for those that were not made by the service. Refunds does not hold the whole
	// list in memory.
	Refunds(ctx context.Context, from time.Time, each func(RefundEntry) error) error
}

// RefundRequest contains all data that a payment system receives for a refund. It comes
// from stored values only, so a repeated request is the same to the byte.
type RefundRequest struct {
	Key        billing.RefundID // idempotency key and reference
	Payment    billing.PaymentID
	PaymentRef string // the payment system's id of the payment
	Amount     billing.Money
	// FirstSent is the earliest time at which the payment system may have received the
	// key, on the store's clock. It is zero if this call is the first.
	FirstSent time.Time
	// Receipt is the receipt of the refund; nil if its payment has none.
	Receipt *billing.Receipt
}

// RefundQuery describes a refund to look up. A payment system that cannot search by our key
// needs the rest.
type RefundQuery struct {
	Key         billing.RefundID
	ProviderRef string // of the refund; empty if the payment system did not report one
	Payment     billing.PaymentID
	PaymentRef  string
}

// RefundEntry is a refund in a payment system's list. It contains what the payment system
// knows of our keys, which is nothing for a refund that a person made in its own panel.
type RefundEntry struct {
	Key        billing.RefundID // empty if the service did not make it
	Ref        string
	Payment    billing.PaymentID // empty if it is not known there
	PaymentRef string
	Amount     billing.Money
	Status     billing.PaymentStatus
	At         time.Time
}

// ErrRefundNotFound is the answer of a [Refunder] that has no such refund.
var ErrRefundNotFound = errors.New("the payment system has no such refund")

// RefundOutcomeName is [OutcomeName] for an outcome or error of a [Refunder].
func RefundOutcomeName(o billing.RefundOutcome, err error) string {
	return OutcomeName(billing.Outcome{Status: o.Status}, err)
}
