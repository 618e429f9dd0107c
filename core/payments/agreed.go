package payments

import (
	"context"
	"errors"
)

// ErrNotAgreed is the error of a payment that was not sent, because the viewer did not
// agree to it. The payment is abandoned.
var ErrNotAgreed = errors.New("the viewer did not agree to this payment")

// reportNotAgreed logs the payments that were not sent because of [ErrNotAgreed].
func (c *Collector) reportNotAgreed(ctx context.Context, results []Result) {
	for _, r := range results {
		if errors.Is(r.Err, ErrNotAgreed) {
			c.Log.ErrorContext(ctx, "a payment was not sent; find out which program or person stored it", "payment_id", r.Payment.ID,
				"subscription_id", r.Payment.SubscriptionID, "user_id", r.Payment.UserID, "error", r.Err)
		}
	}
}
