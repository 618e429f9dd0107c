package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Ledger is a payment system that can list what it took, for reconciliation.
type Ledger interface {
	// Charges calls each for every charge that it took money for since the given
	// time, in any order. A key that it charged twice comes twice.
	Charges(ctx context.Context, since time.Time, each func(LedgerEntry) error) error
}

// LedgerEntry is one charge in a payment system's books.
type LedgerEntry struct {
	Key    billing.PaymentID
	Amount billing.Money
	At     time.Time
}

// PaymentReader is our side of a reconciliation.
type PaymentReader interface {
	// Paid calls each for every payment at the payment system that was settled as
	// succeeded since the given time, and for every one that is still pending.
	Paid(ctx context.Context, system string, since time.Time, each func(billing.Payment) error) error
}
