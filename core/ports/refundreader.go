package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// RefundReader reads our refunds for a reconciliation.
type RefundReader interface {
	// Refunded calls each for every pending or succeeded refund at the payment system that was
	// created at or after from, in any order. It does not hold the whole list in memory.
	Refunded(ctx context.Context, system string, from time.Time, each func(billing.Refund) error) error
	// RefundsNamed returns the refunds at the payment system, with any status and in any
	// order, that have the key or the reference of one of the entries.
	RefundsNamed(ctx context.Context, system string, entries ...RefundEntry) ([]billing.Refund, error)
	// PaymentsNamed returns the payments at the payment system, in any order, that have the
	// key or the reference of the payment of one of the entries.
	PaymentsNamed(ctx context.Context, system string, entries ...RefundEntry) ([]billing.Payment, error)
}
