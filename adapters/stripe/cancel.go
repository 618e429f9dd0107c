package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/online-cinema/billing/core/ports"
)

// cancelByViewer is the reason of a cancel that the viewer asked for.
const cancelByViewer = "requested_by_customer"

// errNoRef is returned for a payment whose page or PaymentIntent is not known.
var errNoRef = errors.New("the payment has no reference of Stripe")

// Cancel implements [ports.Canceller]. It expires the page of a payment, after which Stripe
// accepts no payment on it, or cancels the PaymentIntent of a payment without a page. Stripe
// refuses both if the payment is over. No request has an idempotency key, because a
// repetition changes nothing, and Stripe would replay its own faults for a day.
//
// Source: https://docs.stripe.com/api/checkout/sessions/expire and
// https://docs.stripe.com/api/payment_intents/cancel
func (s *Stripe) Cancel(ctx context.Context, q ports.ChargeQuery) error {
	if err := s.cancel(ctx, q); err != nil {
		return fmt.Errorf("stripe: cancel %q: %w", q.Key, err)
	}
	return nil
}

func (s *Stripe) cancel(ctx context.Context, q ports.ChargeQuery) error {
	ref := q.ProviderRef
	switch {
	case strings.HasPrefix(ref, "cs_") && isID(ref):
		if _, err := s.ownSession(ctx, metaPayment, string(q.Key), ref); err != nil {
			return err
		}
		_, err := s.send(ctx, call{method: http.MethodPost, path: sessionsPath + "/" + ref + "/expire"}, &session{})
		return err
	case strings.HasPrefix(ref, "pi_") && isID(ref):
		if _, err := s.ownIntent(ctx, q.Key, ref); err != nil {
			return err
		}
		form := url.Values{"cancellation_reason": {cancelByViewer}}
		_, err := s.send(ctx, call{method: http.MethodPost, path: "/v1/payment_intents/" + ref + "/cancel", form: form}, &intent{})
		return err
	default:
		return errNoRef
	}
}
