package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Ledger is a payment system that can list its successful charges, for
// reconciliation.
type Ledger interface {
	// Charges calls each for every charge that took money at or after from and
	// before to, in any order. The zero time means no limit. A key that was charged
	// twice occurs twice. Charges does not hold the whole list in memory.
	Charges(ctx context.Context, from, to time.Time, each func(LedgerEntry) error) error
}

// LedgerEntry is one charge in a payment system's ledger.
type LedgerEntry struct {
	Key    billing.PaymentID
	Amount billing.Money
	At     time.Time
}

// PaymentReader reads our payments for a reconciliation.
type PaymentReader interface {
	// Paid calls each for every pending or succeeded payment at the payment system
	// whose id is first or greater, in the order of ids. Paid does not hold the whole
	// list in memory. Payments that are added meanwhile may be missing.
	Paid(ctx context.Context, system string, first billing.PaymentID, each func(PaidPayment) error) error
	// PaymentsByID returns those of the payments that exist at the payment system,
	// with any status and in any order. It ignores ids that are not UUIDs.
	PaymentsByID(ctx context.Context, system string, ids ...billing.PaymentID) ([]PaidPayment, error)
}

// PaidPayment is a payment, and the terms of its subscription now.
type PaidPayment struct {
	billing.Payment
	Agreed billing.Terms
}
