package operators

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Payments decides about payments whose outcome only a person can find out.
type Payments struct {
	Store    ports.Store
	Clock    ports.Clock
	NewID    func() string
	By       Operator
	Retries  billing.RetrySchedule
	Calendar billing.Calendar
}

// Decision is an operator's decision about a pending payment.
type Decision struct {
	Payment billing.Payment       // as the operator saw it
	As      billing.PaymentStatus // see [billing.Payment.Decide]
	Reason  string                // for the audit log
}

// maxReason is the longest reason in characters.
const maxReason = 500

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
	settled, err := ports.InTx(ctx, p.Store, func(tx ports.Repos) (billing.Payment, error) { return p.settle(ctx, tx, d) })
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
	n := utf8.RuneCountInString(strings.TrimSpace(d.Reason))
	switch {
	case n == 0 || n > maxReason || !utf8.ValidString(d.Reason):
		all.Faults = append(all.Faults, billing.Fault{Field: "reason", Message: fmt.Sprintf("must have 1 to %d characters", maxReason)})
	case billing.HoldsCardNumber(d.Reason):
		all.Faults = append(all.Faults, billing.Fault{Field: "reason", Message: "must not contain a card number"})
	}
	if len(all.Faults) > 0 {
		return &all
	}
	return nil
}

func (p Payments) settle(ctx context.Context, tx ports.Repos, d Decision) (billing.Payment, error) {
	sub, pay, err := lockPayment(ctx, tx, d.Payment)
	if err != nil {
		return billing.Payment{}, err
	}
	if pay.Settled() {
		return billing.Payment{}, billing.ErrInvalidTransition.WithMessage("it is %s already", pay.Status)
	}
	left, err := tx.Leases.SendRemaining(ctx, ports.KeyOf(&pay))
	switch {
	case err != nil:
		return billing.Payment{}, err
	case left > 0:
		return billing.Payment{}, billing.ErrInvalidTransition.WithMessage(
			"a program may still send it; repeat the command in %s", left.Round(time.Second)+time.Second)
	}
	outcome, err := pay.Decide(d.As)
	if err != nil {
		return billing.Payment{}, err
	}
	now := p.Clock.Now()
	sub, settled, events := sub.Settle(pay, outcome, p.Retries, p.Calendar, now)
	if !settled.Settled() {
		return billing.Payment{}, billing.ErrInvalidTransition.WithMessage("it cannot count as paid: %s", settled.Contradiction)
	}
	ports.Identify(events, p.NewID)
	if err := tx.Events.Append(ctx, events...); err != nil {
		return billing.Payment{}, err
	}
	if err := tx.Subscriptions.Save(ctx, sub); err != nil {
		return billing.Payment{}, err
	}
	if err := tx.Payments.Save(ctx, settled); err != nil {
		return billing.Payment{}, err
	}
	return settled, tx.Audit.Record(ctx, ports.AuditEntry{
		ID: p.NewID(), At: now, Operator: p.By.Name, From: p.By.From, Action: PaymentSettled, Object: string(pay.ID),
		Before: ports.Facts{"status": string(pay.Status), "contradiction": pay.Contradiction},
		After:  ports.Facts{"status": string(settled.Status), "reason": strings.TrimSpace(d.Reason)},
	})
}

// lockPayment locks and reads a payment and its subscription.
func lockPayment(ctx context.Context, tx ports.Repos, p billing.Payment) (sub billing.Subscription, pay billing.Payment, err error) {
	subs, err := tx.Subscriptions.Lock(ctx, ports.SubscriptionKey{User: p.UserID, ID: p.SubscriptionID})
	if err != nil {
		return sub, pay, err
	}
	pays, err := tx.Payments.Lock(ctx, ports.KeyOf(&p))
	if err != nil {
		return sub, pay, err
	}
	if len(subs) != 1 || len(pays) != 1 {
		return sub, pay, billing.ErrPaymentNotFound
	}
	return subs[0], pays[0], nil
}
