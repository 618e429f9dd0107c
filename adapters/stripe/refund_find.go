package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// FindRefund implements [ports.Refunder]. With a reference it is one request. Without one
// it reads the PaymentIntent and the list of its refunds, which Stripe keeps up to date.
func (s *Stripe) FindRefund(ctx context.Context, q ports.RefundQuery) (billing.RefundOutcome, error) {
	o, err := s.findRefund(ctx, q)
	if err != nil {
		return billing.RefundOutcome{}, fmt.Errorf("stripe: find refund %q: %w", q.Key, err)
	}
	return o, nil
}

func (s *Stripe) findRefund(ctx context.Context, q ports.RefundQuery) (billing.RefundOutcome, error) {
	if isID(q.ProviderRef) {
		return s.byRefundRef(ctx, q)
	}
	if !validRefundKey(q.Key) || !validKey(q.Payment) {
		return billing.RefundOutcome{}, ports.ErrRefundNotFound
	}
	in, err := s.paidIntent(ctx, q.Payment, q.PaymentRef)
	switch {
	case errors.Is(err, ports.ErrChargeNotFound), errors.Is(err, errUnpaid):
		return billing.RefundOutcome{}, ports.ErrRefundNotFound
	case err != nil:
		return billing.RefundOutcome{}, err
	}
	r, err := s.refundOf(ctx, in.ID, q.Key)
	if err != nil {
		return billing.RefundOutcome{}, err
	}
	return r.outcome()
}

// byRefundRef returns the outcome of the refund with a reference. A refund that a person
// made in the Dashboard has no key of ours; its payment proves that it is the right one.
func (s *Stripe) byRefundRef(ctx context.Context, q ports.RefundQuery) (billing.RefundOutcome, error) {
	r, err := s.readRefund(ctx, q.ProviderRef)
	switch {
	case isMissing(err):
		return billing.RefundOutcome{}, errLostRef
	case err != nil:
		return billing.RefundOutcome{}, err
	case !r.isOf(q):
		return billing.RefundOutcome{}, errOtherRefund
	default:
		return r.outcome()
	}
}

// isOf reports whether the refund has the key of the query or belongs to its payment.
func (r refund) isOf(q ports.RefundQuery) bool {
	return q.Key != "" && r.Metadata[metaRefund] == string(q.Key) ||
		q.Payment != "" && r.Intent.Metadata[metaPayment] == string(q.Payment) ||
		q.PaymentRef != "" && r.Intent.ID == q.PaymentRef
}

// readRefund reads a refund together with its PaymentIntent.
func (s *Stripe) readRefund(ctx context.Context, id string) (r refund, err error) {
	if !isID(id) {
		return r, errObject
	}
	return r, s.get(ctx, refundsPath+"/"+id, url.Values{"expand[]": {"payment_intent"}}, &r)
}

// refundOf returns the refund of a PaymentIntent that has the key, or
// [ports.ErrRefundNotFound]. A key occurs twice if Stripe had forgotten it.
func (s *Stripe) refundOf(ctx context.Context, intent string, key billing.RefundID) (best refund, err error) {
	err = s.list(ctx, refundsPath, url.Values{"payment_intent": {intent}}, func(item json.RawMessage) (bool, error) {
		var r refund
		if json.Unmarshal(item, &r) != nil {
			return false, errItem
		}
		if r.Metadata[metaRefund] == string(key) && r.rank() > best.rank() {
			best = r
		}
		return false, nil
	})
	if err == nil && best.rank() == 0 {
		err = ports.ErrRefundNotFound
	}
	return best, err
}

// latestPayment is the longest time between the creation of a payment's id and that of its
// PaymentIntent: a charge may be sent until the horizon, and its page is open for a day.
const latestPayment = horizon + 25*time.Hour

// paidIntent returns the PaymentIntent of a payment. Without a reference it reads the list
// of the PaymentIntents from the time of the payment's id, and returns
// [ports.ErrChargeNotFound] if none of them is of the payment and has succeeded. It returns
// errUnpaid for a page on which nothing was paid.
func (s *Stripe) paidIntent(ctx context.Context, key billing.PaymentID, ref string) (*intent, error) {
	switch {
	case strings.HasPrefix(ref, "pi_") && isID(ref):
		return s.ownIntent(ctx, key, ref)
	case strings.HasPrefix(ref, "cs_") && isID(ref):
		page, err := s.ownSession(ctx, metaPayment, string(key), ref)
		switch {
		case err != nil:
			return nil, err
		case page.Intent.ID == "":
			return nil, errUnpaid
		}
		return s.ownIntent(ctx, key, page.Intent.ID)
	}
	query := url.Values{}
	if at, known := billing.IDTime(string(key)); known {
		query = created(at, at.Add(latestPayment))
	}
	in, err := find(ctx, s, "/v1/payment_intents", query, func(in intent) bool {
		return in.Metadata[metaPayment] == string(key) && in.Status == succeeded
	})
	return &in, err
}
