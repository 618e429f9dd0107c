package payments

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// CancelOpen cancels a payment that waits for its viewer, on a page or for 3-D Secure, and
// returns it as it is stored afterwards. It asks the payment system to cancel the payment,
// and then looks the payment up. Only the lookup settles it, because the viewer may pay at
// this moment, and the response to the cancel may be lost. If the outcome stays unknown or
// pending, the payment stays pending, and the next sweep looks it up again.
//
// CancelOpen changes nothing if the payment does not wait for its viewer, or if the payment
// system cannot cancel. It takes at most ChargeTimeout and RecordTimeout. The end of ctx
// does not interrupt it. An error means that the outcome was not recorded. A sweep will
// record it.
func (c *Collector) CancelOpen(ctx context.Context, p billing.Payment) (billing.Payment, error) {
	canceller, can := c.Cancellers[p.PaymentSystem]
	provider, has := c.Providers[p.PaymentSystem]
	if !can || !has || p.Settled() || p.ActionURL == "" {
		return p, nil
	}
	ctx = context.WithoutCancel(ctx)
	a := Attempt{Payment: &p}
	q := a.query(p.CreatedAt, time.Time{})
	if err := c.cancel(ctx, canceller, q); err != nil {
		c.Log.WarnContext(ctx, "a payment was perhaps not cancelled; it is looked up",
			"payment_id", p.ID, "payment_system", p.PaymentSystem, "error", err)
	}
	o, err := c.lookUp(ctx, provider, q)
	if err == nil {
		c.learn(ctx, &a, o)
	} else {
		c.Log.WarnContext(ctx, "lookup failed", "payment_id", p.ID, "payment_system", p.PaymentSystem, "error", err)
	}
	recorded, err := c.Record(ctx, a)
	if err != nil {
		return p, err
	}
	return *recorded[0].Payment, nil
}

// cancel takes at most half of ChargeTimeout, so that the lookup has the other half.
func (c *Collector) cancel(ctx context.Context, canceller ports.Canceller, q ports.ChargeQuery) error {
	ctx, stop := context.WithTimeout(ctx, c.ChargeTimeout/2)
	defer stop()
	return canceller.Cancel(ctx, q)
}

func (c *Collector) lookUp(ctx context.Context, provider ports.Provider, q ports.ChargeQuery) (billing.Outcome, error) {
	ctx, stop := context.WithTimeout(ctx, c.ChargeTimeout/2)
	defer stop()
	return provider.Find(ctx, q)
}
