package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const refundsPath = "/v1/refunds"

// Refund implements [ports.Refunder]. It reads the PaymentIntent and its refunds before it
// sends anything. So a refund that was made before is found even after Stripe has forgotten
// its key, and an amount in another currency never leaves.
func (s *Stripe) Refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	o, err := s.refund(ctx, r)
	if err != nil {
		return billing.RefundOutcome{}, fmt.Errorf("stripe: refund %q: %w", r.Key, err)
	}
	return o, nil
}

func (s *Stripe) refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	if s.isOver(r.FirstSent) {
		return billing.RefundOutcome{}, ports.ErrTooLate
	}
	p, err := priceOf(r.Amount)
	if err != nil || !validRefundKey(r.Key) || !validKey(r.Payment) {
		return billing.RefundOutcome{}, ports.ErrRefused
	}
	in, err := s.paidIntent(ctx, r.Payment, r.PaymentRef)
	switch {
	case errors.Is(err, errUnpaid):
		return billing.RefundOutcome{}, fmt.Errorf("%w: %w", ports.ErrRefused, err)
	case errors.Is(err, ports.ErrChargeNotFound):
		return billing.RefundOutcome{}, errNoPayment
	case err != nil:
		return billing.RefundOutcome{}, unsent("find the PaymentIntent", err)
	case in.Currency != p.currency:
		return billing.RefundOutcome{}, ports.ErrRefused
	}
	known, err := s.refundOf(ctx, in.ID, r.Key)
	switch {
	case err == nil:
		return known.repeated(r.Key, p)
	case errors.Is(err, ports.ErrRefundNotFound):
		return s.sendRefund(ctx, r, in.ID, p)
	default:
		return billing.RefundOutcome{}, unsent("read the refunds", err)
	}
}

func validRefundKey(key billing.RefundID) bool { return validKey(billing.PaymentID(key)) }

// unsent returns the error of a lookup before a refund is sent. Only its own failure is
// known, because an earlier call may have sent the refund.
func unsent(doing string, err error) error {
	if errors.Is(err, ports.ErrNotSent) || errors.Is(err, ports.ErrCredentials) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return unknown(doing, err)
}

// sendRefund sends a refund of a PaymentIntent.
func (s *Stripe) sendRefund(ctx context.Context, r ports.RefundRequest, intent string, p price) (billing.RefundOutcome, error) {
	var made refund
	replayed, err := s.send(ctx, call{
		method: http.MethodPost, path: refundsPath, key: keyOf(billing.PaymentID(r.Key), "refund"), form: refundForm(r, intent, p),
	}, &made)
	switch {
	case isStatus(err, func(e *apiError) bool { return e.status >= 500 }):
		// Stripe repeats a recorded 500 for a day, although the refund may exist.
		if made, found := s.refundOf(ctx, intent, r.Key); found == nil {
			return made.repeated(r.Key, p)
		}
		return billing.RefundOutcome{}, err
	case err != nil:
		return billing.RefundOutcome{}, refundError(err)
	case replayed: // the recorded response may be out of date
		if made, err = s.readRefund(ctx, made.ID); err != nil {
			return billing.RefundOutcome{}, unknown("read the refund", err)
		}
	}
	return made.repeated(r.Key, p)
}

// refundForm returns the parameters of a refund. A release must not change them, because
// Stripe refuses a known key with other parameters.
func refundForm(r ports.RefundRequest, intent string, p price) url.Values {
	return url.Values{
		"payment_intent":                {intent},
		"amount":                        {strconv.FormatInt(p.amount, 10)},
		"metadata[" + metaRefund + "]":  {string(r.Key)},
		"metadata[" + metaPayment + "]": {string(r.Payment)},
	}
}

// refundError returns the error of a refund that Stripe answered with an error below 500. A
// reference that Stripe does not know any more proves nothing: the account or its mode may
// be another one.
func refundError(err error) error {
	lost := func(e *apiError) bool {
		return e.status == http.StatusNotFound || e.code == codeMissing || e.code == codeOtherMode
	}
	refused := func(e *apiError) bool {
		return (e.kind == nil || errors.Is(e.kind, ports.ErrTokenUnknown)) && e.status >= 400 && !e.running()
	}
	switch {
	case isStatus(err, lost):
		return unknown("send the refund", err)
	case isStatus(err, refused):
		return fmt.Errorf("send the refund: %w: %s", ports.ErrRefused, err.Error())
	default:
		return fmt.Errorf("send the refund: %w", err)
	}
}
