package payments

import (
	"context"
	"errors"

	"github.com/online-cinema/billing/core/billing"
)

// ErrNotAgreed is the error of a payment that was not sent, because the viewer did not
// agree to it. The payment is abandoned.
var ErrNotAgreed = errors.New("the viewer did not agree to this payment")

// notAgreed is an [ErrNotAgreed] with its cause.
type notAgreed struct {
	finding ConsentFinding
	cause   string
}

func (e *notAgreed) Error() string { return ErrNotAgreed.Error() + ": " + e.cause }

// Unwrap returns [ErrNotAgreed].
func (e *notAgreed) Unwrap() error { return ErrNotAgreed }

// checkPayment returns [ErrNotAgreed] unless the payment is on the terms of its
// subscription, and those are the terms that the viewer agreed to.
func (c Consents) checkPayment(s *billing.Subscription, p *billing.Payment) error {
	if difference := s.Terms().Difference(*p); difference != "" {
		return &notAgreed{ConsentDiffers, difference}
	}
	if f := c.Check(s); f.Refused() {
		return &notAgreed{f, f.cause()}
	}
	return nil
}

func (f ConsentFinding) cause() string {
	if f == ConsentMissing {
		return "the terms of its subscription have no signature"
	}
	return "the terms of its subscription were changed: their signature does not match"
}

// reportNotAgreed reports the payments that were not sent because of [ErrNotAgreed].
func (c *Collector) reportNotAgreed(ctx context.Context, results []Result) {
	for _, r := range results {
		var e *notAgreed
		if errors.As(r.Err, &e) {
			c.Consents.Found(e.finding, 1)
			c.Log.ErrorContext(ctx, "a payment was not sent; find out which program or person stored it", "payment_id", r.Payment.ID,
				"subscription_id", r.Payment.SubscriptionID, "user_id", r.Payment.UserID, "error", r.Err)
		}
	}
}
