package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Ledger is a payment system that can list its successful charges, for
// reconciliation.
type Ledger interface {
	// Charges calls each for every successful charge since the given time, in any
	// order. A key that was charged twice occurs twice.
	Charges(ctx context.Context, since time.Time, each func(LedgerEntry) error) error
}

// LedgerEntry is one charge in a payment system's ledger.
type LedgerEntry struct {
	Key    billing.PaymentID
	Amount billing.Money
	At     time.Time
}

// PaymentReader reads our payments for a reconciliation.
type PaymentReader interface {
	// Paid calls each for the payments at a payment system that succeeded since the
	// given time, and for its pending payments.
	Paid(ctx context.Context, system string, since time.Time, each func(billing.Payment) error) error
}
