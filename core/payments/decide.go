package payments

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Decide settles a pending payment as a person has found out, in the transaction of the
// caller. It calls no payment system. It returns the payment before and after. Errors:
//
//	billing.ErrInvalid            the status is not valid: see [billing.Payment.Decide]
//	billing.ErrPaymentNotFound    the payment does not exist
//	billing.ErrInvalidTransition  the payment is settled, may still be sent, or differs
//	                              from the terms of its subscription
func (c *Collector) Decide(ctx context.Context, tx ports.Repos, p billing.Payment, as billing.PaymentStatus) (before, after billing.Payment, err error) {
	outcome, err := p.Decide(as)
	if err != nil {
		return before, after, err
	}
	attempts := []Attempt{{Payment: &p, outcome: outcome, sweep: true}}
	all, err := loadLocked(ctx, tx, attempts)
	if err != nil {
		return before, after, err
	}
	before = *all[0].payment
	if before.Settled() {
		return before, after, billing.ErrInvalidTransition.WithMessage("it is %s already", before.Status)
	}
	left, err := tx.Leases.SendRemaining(ctx, ports.KeyOf(&before))
	switch {
	case err != nil:
		return before, after, err
	case left > 0:
		return before, after, billing.ErrInvalidTransition.WithMessage(
			"a program may still send it; repeat the command in %s", left.Round(time.Second)+time.Second)
	}
	r, err := c.settle(ctx, tx, all, attempts)
	if err != nil {
		return before, after, err
	}
	if after = *r.results[0].Payment; !after.Settled() {
		err = billing.ErrInvalidTransition.WithMessage("it cannot count as paid: %s", after.Contradiction)
	}
	return before, after, err
}
