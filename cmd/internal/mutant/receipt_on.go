//go:build mutant

package mutant

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// receiptDropped is the name of the bug that sends a charge or a refund again without its
// receipt.
const receiptDropped = "receipt-dropped-on-retry"

type chargedWithoutReceipt struct{ ports.Provider }

func (p chargedWithoutReceipt) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if !r.FirstSent.IsZero() {
		r.Receipt = nil
	}
	return p.Provider.Charge(ctx, r)
}

type withoutReceiptAgain struct{ ports.Refunder }

func (p withoutReceiptAgain) Refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	if !r.FirstSent.IsZero() {
		r.Receipt = nil
	}
	return p.Refunder.Refund(ctx, r)
}
