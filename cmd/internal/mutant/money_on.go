//go:build mutant

package mutant

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// chargeInTransaction moves the money before the intent is committed.
func chargeInTransaction(b *bug, tx *ports.Repos) {
	tx.Payments = paymentsCharged{tx.Payments, b, tx.Methods}
}

type paymentsCharged struct {
	ports.Payments
	bug     *bug
	methods ports.Methods
}

func (p paymentsCharged) Add(ctx context.Context, send time.Duration, list ...billing.Payment) error {
	if err := p.Payments.Add(ctx, send, list...); err != nil {
		return err
	}
	for _, one := range list {
		m, err := p.methods.Find(ctx, one.UserID, one.MethodID)
		if err != nil {
			return err
		}
		// Whatever comes of it is asked for again, after the commit.
		_, _ = p.bug.providers[one.PaymentSystem].Charge(ctx, ports.ChargeRequest{
			Key: one.ID, Token: m.Token, Amount: one.Amount, Initiator: one.Initiator,
		})
	}
	return nil
}

// settleWithoutRereading goes by what the payment was when it was sent.
func settleWithoutRereading(b *bug, tx *ports.Repos) {
	writtenOver(b, tx)
	tx.Payments = paymentsRemembered{tx.Payments}
}

type paymentsRemembered struct{ ports.Payments }

func (p paymentsRemembered) Lock(ctx context.Context, keys ...ports.PaymentKey) ([]billing.Payment, error) {
	list, err := p.Payments.Lock(ctx, keys...)
	for i := range list {
		list[i].Status, list[i].SettledAt = billing.PaymentPending, time.Time{}
	}
	return list, err
}

// writtenOver writes over whatever was changed meanwhile.
func writtenOver(_ *bug, tx *ports.Repos) {
	tx.Subscriptions, tx.Payments = subscriptionsUnguarded{tx.Subscriptions}, paymentsWrittenOver{tx.Payments}
}

type subscriptionsUnguarded struct{ ports.Subscriptions }

func (s subscriptionsUnguarded) Replace(ctx context.Context, _ []ports.RowVersion, list ...billing.Subscription) error {
	return s.Save(ctx, list...)
}

type paymentsWrittenOver struct{ ports.Payments }

func (p paymentsWrittenOver) Replace(ctx context.Context, _ []ports.RowVersion, list ...billing.Payment) error {
	return p.Save(ctx, list...)
}

// resendWithoutGrant sends again what it has not got the right to send.
func resendWithoutGrant(_ *bug, tx *ports.Repos) { tx.Payments = paymentsGranted{tx.Payments} }

type paymentsGranted struct{ ports.Payments }

func (p paymentsGranted) LeaseForResend(ctx context.Context, send time.Duration, keys ...ports.PaymentKey) ([]ports.PaymentKey, error) {
	_, err := p.Payments.LeaseForResend(ctx, send, keys...)
	return keys, err
}

// noSendWindow gives up for whoever may still be sending.
func noSendWindow(_ *bug, tx *ports.Repos) { tx.Payments = paymentsUnguarded{tx.Payments} }

type paymentsUnguarded struct{ ports.Payments }

func (p paymentsUnguarded) Add(ctx context.Context, _ time.Duration, list ...billing.Payment) error {
	return p.Payments.Add(ctx, 0, list...)
}
