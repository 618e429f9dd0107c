//go:build mutant

package mutant

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// chargeInTransaction moves the money before the intent is committed.
func chargeInTransaction(b *bug, tx *app.Repos) {
	tx.Payments = paymentsCharged{tx.Payments, b, tx.Methods}
}

type paymentsCharged struct {
	app.Payments
	bug     *bug
	methods app.Methods
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
		_, _ = p.bug.providers[one.PaymentSystem].Charge(ctx, app.ChargeRequest{
			Key: one.ID, Token: m.Token, Amount: one.Amount, Initiator: one.Initiator,
		})
	}
	return nil
}

// settleWithoutRereading goes by what the payment was when it was sent.
func settleWithoutRereading(b *bug, tx *app.Repos) {
	writtenOver(b, tx)
	tx.Payments = paymentsRemembered{tx.Payments}
}

type paymentsRemembered struct{ app.Payments }

func (p paymentsRemembered) Lock(ctx context.Context, keys ...app.PaymentKey) ([]billing.Payment, error) {
	list, err := p.Payments.Lock(ctx, keys...)
	for i := range list {
		list[i].Status, list[i].SettledAt = billing.PaymentPending, time.Time{}
	}
	return list, err
}

// writtenOver writes over whatever was changed meanwhile.
func writtenOver(_ *bug, tx *app.Repos) {
	tx.Subscriptions, tx.Payments = subscriptionsUnguarded{tx.Subscriptions}, paymentsWrittenOver{tx.Payments}
}

type subscriptionsUnguarded struct{ app.Subscriptions }

func (s subscriptionsUnguarded) Replace(ctx context.Context, _ []app.Version, list ...billing.Subscription) error {
	return s.Save(ctx, list...)
}

type paymentsWrittenOver struct{ app.Payments }

func (p paymentsWrittenOver) Replace(ctx context.Context, _ []app.Version, list ...billing.Payment) error {
	return p.Save(ctx, list...)
}

// resendWithoutGrant sends again what it has not got the right to send.
func resendWithoutGrant(_ *bug, tx *app.Repos) { tx.Payments = paymentsGranted{tx.Payments} }

type paymentsGranted struct{ app.Payments }

func (p paymentsGranted) Resend(ctx context.Context, send time.Duration, keys ...app.PaymentKey) ([]app.PaymentKey, error) {
	_, err := p.Payments.Resend(ctx, send, keys...)
	return keys, err
}

// noSendWindow gives up for whoever may still be sending.
func noSendWindow(_ *bug, tx *app.Repos) { tx.Payments = paymentsUnguarded{tx.Payments} }

type paymentsUnguarded struct{ app.Payments }

func (p paymentsUnguarded) Add(ctx context.Context, _ time.Duration, list ...billing.Payment) error {
	return p.Payments.Add(ctx, 0, list...)
}
