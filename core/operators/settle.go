package operators

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Payments decides about payments whose outcome only a person can find out.
type Payments struct {
	Collector *payments.Collector // needs no payment systems
	By        Operator
	For       billing.InstructionID // as that of [Support]
}

// Decision is an operator's decision about a pending payment.
type Decision struct {
	Payment billing.Payment       // as the operator saw it
	As      billing.PaymentStatus // see [billing.Payment.Decide]
	Reason  string                // for the audit log
}

// Settle settles a pending payment as an operator decided, and writes the decision into
// the audit log. It calls no payment system. If a lookup later reports another outcome,
// that is a contradiction. Errors:
//
//	billing.ErrInvalid            the reason or the status is not valid
//	billing.ErrPaymentNotFound    the payment does not exist
//	billing.ErrInvalidTransition  the payment is settled, may still be sent, or differs
//	                              from the terms of its subscription
func (p Payments) Settle(ctx context.Context, d Decision) (billing.Payment, error) {
	if err := d.Check(); err != nil {
		return billing.Payment{}, err
	}
	settled, err := ports.InTx(ctx, p.Collector.Store, func(tx ports.Repos) (billing.Payment, error) { return p.settle(ctx, tx, d) })
	if err != nil {
		return billing.Payment{}, fmt.Errorf("settle payment %s: %w", d.Payment.ID, err)
	}
	return settled, nil
}

// Check returns a [billing.InvalidError] with a fault for each field that is not valid.
func (d Decision) Check() error {
	var all billing.InvalidError
	var as *billing.InvalidError
	if _, err := d.Payment.Decide(d.As); errors.As(err, &as) {
		all.Faults = append(all.Faults, as.Faults...)
	}
	if err := billing.CheckReason(d.Reason); errors.As(err, &as) {
		all.Faults = append(all.Faults, as.Faults...)
	}
	if len(all.Faults) > 0 {
		return &all
	}
	return nil
}

func (p Payments) settle(ctx context.Context, tx ports.Repos, d Decision) (billing.Payment, error) {
	c := p.Collector
	before, after, err := c.Decide(ctx, p.By.signed(tx, d.Reason, p.For), d.Payment, d.As)
	if err != nil {
		return billing.Payment{}, err
	}
	return after, p.audit(ctx, tx, change{
		PaymentSettled, string(before.ID),
		ports.Facts{"status": string(before.Status), "contradiction": before.Contradiction},
		ports.Facts{"status": string(after.Status), "reason": strings.TrimSpace(d.Reason)},
	})
}

func (p Payments) audit(ctx context.Context, tx ports.Repos, c change) error {
	return p.By.audit(ctx, tx, p.Collector.NewID(), p.Collector.Clock.Now(), c)
}
