package yookassa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// newRefund is the body of POST /refunds. As with [newPayment], a release that changes it
// breaks the repetition of refunds that the release before it has sent.
type newRefund struct {
	Amount      amount         `json:"amount"`
	PaymentID   string         `json:"payment_id"`
	Description string         `json:"description"`
	Metadata    refundMetadata `json:"metadata"`
	Receipt     *newReceipt    `json:"receipt,omitempty"`
}

// refundMetadata is stored with a refund at YooKassa.
type refundMetadata struct {
	RefundID  string `json:"refund_id"`
	PaymentID string `json:"payment_id"`
}

// Refund implements [ports.Refunder]. It reads the payment and its refunds before it sends
// anything. So a refund that was made before is found even after YooKassa has forgotten its
// key. It repeats the same request while YooKassa works on it, until ctx ends.
func (y *YooKassa) Refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	o, err := y.refund(ctx, r)
	if err != nil {
		return billing.RefundOutcome{}, fmt.Errorf("yookassa: refund %q: %w", r.Key, err)
	}
	return o, nil
}

func (y *YooKassa) refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	amount, err := amountOf(r.Amount)
	switch {
	case !r.FirstSent.IsZero() && y.now().Sub(r.FirstSent) >= horizon:
		return billing.RefundOutcome{}, ports.ErrTooLate
	case err != nil || !isKey(string(r.Key)) || r.Payment == "":
		return billing.RefundOutcome{}, ports.ErrRefused
	}
	paid, err := y.paid(ctx, r.Payment, r.PaymentRef)
	switch {
	case errors.Is(err, ports.ErrChargeNotFound):
		return billing.RefundOutcome{}, errors.New("YooKassa has no such payment")
	case err != nil:
		return billing.RefundOutcome{}, fmt.Errorf("read the payment: %w", err)
	}
	known, err := y.refundOf(ctx, paid.ID, r.Key)
	switch {
	case err == nil:
		return known.repeated(paid.ID, r)
	case errors.Is(err, ports.ErrRefundNotFound):
		return y.sendRefund(ctx, paid.ID, amount, r)
	default:
		return billing.RefundOutcome{}, fmt.Errorf("read the refunds: %w", err)
	}
}

func (y *YooKassa) sendRefund(ctx context.Context, payment string, amount amount, r ports.RefundRequest) (billing.RefundOutcome, error) {
	receipt, err := y.receiptOf(r.Receipt, amount, false) // its payment may be older than the receipts
	if err != nil {
		return billing.RefundOutcome{}, err
	}
	body, err := json.Marshal(newRefund{
		Receipt: receipt,
		Amount:  amount, PaymentID: payment, Description: "Refund of payment " + string(r.Payment),
		Metadata: refundMetadata{RefundID: string(r.Key), PaymentID: string(r.Payment)},
	})
	if err != nil {
		return billing.RefundOutcome{}, ports.ErrRefused
	}
	var made refund
	err = y.post(ctx, "/refunds", string(r.Key), body, &made)
	switch {
	case errors.Is(err, ports.ErrTokenUnknown): // a refund has no token
		return billing.RefundOutcome{}, fmt.Errorf("%w: %s", ports.ErrRefused, err.Error())
	case err != nil:
		return billing.RefundOutcome{}, err
	default:
		return made.repeated(payment, r)
	}
}

// FindRefund implements [ports.Refunder]. Without a reference it reads the refunds of the
// payment. A reference that YooKassa does not know is not [ports.ErrRefundNotFound]: the
// credentials may be those of another shop now.
func (y *YooKassa) FindRefund(ctx context.Context, q ports.RefundQuery) (billing.RefundOutcome, error) {
	o, err := y.findRefund(ctx, q)
	if err != nil {
		return billing.RefundOutcome{}, fmt.Errorf("yookassa: find refund %q: %w", q.Key, err)
	}
	return o, nil
}

func (y *YooKassa) findRefund(ctx context.Context, q ports.RefundQuery) (billing.RefundOutcome, error) {
	switch {
	case q.ProviderRef != "":
		var r refund
		if err := y.get(ctx, "/refunds/"+url.PathEscape(q.ProviderRef), &r); err != nil {
			return billing.RefundOutcome{}, err
		}
		if !r.isOf(q) {
			return billing.RefundOutcome{}, errOtherRefund
		}
		return r.outcome()
	case q.Key == "" || q.Payment == "":
		return billing.RefundOutcome{}, ports.ErrRefundNotFound
	}
	paid, err := y.paid(ctx, q.Payment, q.PaymentRef)
	switch {
	case errors.Is(err, ports.ErrChargeNotFound):
		return billing.RefundOutcome{}, ports.ErrRefundNotFound
	case err != nil:
		return billing.RefundOutcome{}, err
	}
	r, err := y.refundOf(ctx, paid.ID, q.Key)
	if err != nil {
		return billing.RefundOutcome{}, err
	}
	return r.outcome()
}

// refundOf returns the refund of a payment that has the key, or [ports.ErrRefundNotFound].
// A key occurs twice if YooKassa had forgotten it.
func (y *YooKassa) refundOf(ctx context.Context, payment string, key billing.RefundID) (best refund, err error) {
	for r, err := range items[refund](ctx, y, "/refunds", url.Values{"payment_id": {payment}}) {
		if err != nil {
			return refund{}, err
		}
		if r.Metadata.RefundID == string(key) && r.rank() > best.rank() {
			best = r
		}
	}
	if best.rank() == 0 {
		return refund{}, ports.ErrRefundNotFound
	}
	return best, nil
}

// paid returns the payment with a key. Without a reference it searches the payments from
// the time of the key, and returns [ports.ErrChargeNotFound] if none of them has the key.
// No other error proves anything.
func (y *YooKassa) paid(ctx context.Context, key billing.PaymentID, ref string) (p payment, err error) {
	if ref == "" {
		q := ports.ChargeQuery{Key: key}
		if at, known := billing.IDTime(string(key)); known {
			q.SentFrom, q.SentUntil = at, at.Add(horizon+time.Hour)
		}
		return y.search(ctx, q)
	}
	if err := y.get(ctx, "/payments/"+url.PathEscape(ref), &p); err != nil {
		return payment{}, err
	}
	if p.ID == "" || p.Metadata.PaymentID != string(key) {
		return payment{}, errOtherPayment
	}
	return p, nil
}
