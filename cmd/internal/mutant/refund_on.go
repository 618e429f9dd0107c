//go:build mutant

package mutant

import (
	"context"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refunders are those of this process, for bugs that call them from a transaction.
var refunders atomic.Pointer[map[string]ports.Refunder]

// refundNewKey is the name of the bug that sends a refund again with a new key when its
// response is lost.
const refundNewKey = "refund-new-key"

// Refunders returns p with the planted bug, if it is one of refunds.
func Refunders(p map[string]ports.Refunder) map[string]ports.Refunder {
	refunders.Store(&p)
	switch planted() {
	case refundNewKey:
		return wrap(p, func(one ports.Refunder) ports.Refunder { return newRefundKey{one} })
	case receiptDropped:
		return wrap(p, func(one ports.Refunder) ports.Refunder { return withoutReceiptAgain{one} })
	default:
		return p
	}
}

type newRefundKey struct{ ports.Refunder }

func (p newRefundKey) Refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	o, err := p.Refunder.Refund(ctx, r)
	if lost(err) {
		r.Key = billing.RefundID(uuid.NewString())
		return p.Refunder.Refund(ctx, r)
	}
	return o, err
}

// refundBeforeIntent asks the payment system before the refund is stored, with a key that
// is not stored.
func refundBeforeIntent(_ *bug, tx *ports.Repos) { tx.Refunds = refundOnAdd{tx.Refunds, tx.Payments} }

type refundOnAdd struct {
	ports.Refunds
	payments ports.Payments
}

func (r refundOnAdd) Add(ctx context.Context, list ...billing.Refund) error {
	for i, one := range list {
		paid, err := r.payments.Lock(ctx, ports.PaymentKey{User: one.UserID, ID: one.PaymentID})
		if err != nil {
			return err
		}
		o, err := (*refunders.Load())[one.PaymentSystem].Refund(ctx, ports.RefundRequest{
			Key: billing.RefundID(uuid.NewString()), Payment: one.PaymentID, PaymentRef: paid[0].ProviderRef, Amount: one.Amount,
		})
		if err == nil {
			list[i].Status, list[i].ProviderRef, list[i].SettledAt = o.Status, o.ProviderRef, one.CreatedAt
		}
	}
	return r.Refunds.Add(ctx, list...)
}
