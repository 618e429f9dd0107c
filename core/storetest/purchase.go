package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// purchase is a subscription with its latest payment.
type purchase struct {
	sub billing.Subscription
	pay billing.Payment
}

func (d purchase) subKey() ports.SubscriptionKey {
	return ports.SubscriptionKey{User: d.sub.UserID, ID: d.sub.ID}
}
func (d purchase) payKey() ports.PaymentKey {
	return ports.PaymentKey{User: d.pay.UserID, ID: d.pay.ID}
}

// newPurchase returns a subscription with its first payment. It stores neither.
func (w *world) newPurchase(m billing.PaymentMethod, p billing.Plan) purchase {
	w.Helper()
	o := billing.Order{
		Subscription: newIDOf[billing.SubscriptionID](), Payment: newIDOf[billing.PaymentID](),
		Plan: p, Method: m, Shown: p.Price,
	}
	sub, pay, _, err := o.Start(noon, billing.Calendar{})
	w.must(err)
	sub.ConsentMAC = "\x00\xffnot text"
	return purchase{sub, pay}
}

func (d purchase) add(ctx context.Context, tx ports.Repos, send time.Duration) error {
	if err := tx.Subscriptions.Add(ctx, d.sub); err != nil {
		return err
	}
	return tx.Payments.Add(ctx, send, d.pay)
}

// subscribe stores a purchase of a new viewer. Its payment may be sent until send
// elapses.
func (w *world) subscribe(send time.Duration) purchase {
	w.Helper()
	return w.subscribeFor(w.viewer(), w.plan, send)
}

func (w *world) subscribeFor(m billing.PaymentMethod, p billing.Plan, send time.Duration) purchase {
	w.Helper()
	d := w.newPurchase(m, p)
	w.tx(func(ctx context.Context, tx ports.Repos) error { return d.add(ctx, tx, send) })
	return d
}

// settle stores an outcome with this status.
func (w *world) settle(d purchase, status billing.PaymentStatus, at time.Time) purchase {
	w.Helper()
	o := billing.Outcome{Status: status, ProviderRef: "ref_" + string(d.pay.ID)}
	switch status {
	case billing.PaymentSucceeded:
		o.Amount = d.pay.Amount
	case billing.PaymentDeclined:
		o.DeclineCode = billing.CardExpired
	case billing.PaymentAbandoned:
		o.DeclineCode = billing.NotSent
	case billing.PaymentPending:
		o.ActionURL = "https://psp.example/confirm?id=1&next=2"
	}
	d.sub, d.pay, _ = d.sub.Settle(d.pay, o, billing.RetrySchedule{}, billing.Calendar{}, at)
	w.save(d)
	return d
}

func (w *world) save(d purchase) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		return errors.Join(
			tx.Payments.Save(ctx, d.pay), tx.Payments.SavePeriod(ctx, d.pay),
			tx.Subscriptions.Save(ctx, d.sub), tx.Subscriptions.SaveTerms(ctx, d.sub))
	})
}

// next returns another payment of the subscription, for the k-th period after the
// first. It is not stored.
func (d purchase) next(k int) billing.Payment {
	p := d.pay
	p.ID, p.Initiator = newIDOf[billing.PaymentID](), billing.MerchantInitiated
	p.Period = billing.Calendar{}.Period(d.sub.AnchorAt, k, d.sub.IntervalMonths)
	p.Status, p.DeclineCode, p.ProviderRef, p.ActionURL = billing.PaymentPending, "", "", ""
	p.Contradiction, p.SettledAt = "", time.Time{}
	return p
}

func (w *world) addPayment(send time.Duration, p ...billing.Payment) error {
	return w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.Add(ctx, send, p...) })
}

// locked returns the purchase as stored.
func (w *world) locked(d purchase) purchase {
	w.Helper()
	var subs []billing.Subscription
	var pays []billing.Payment
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		if subs, err = tx.Subscriptions.Lock(ctx, d.subKey()); err != nil {
			return err
		}
		pays, err = tx.Payments.Lock(ctx, d.payKey())
		return err
	})
	if len(subs) != 1 || len(pays) != 1 {
		w.Fatalf("found %d subscriptions and %d payments, want one of each", len(subs), len(pays))
	}
	return purchase{subs[0], pays[0]}
}
