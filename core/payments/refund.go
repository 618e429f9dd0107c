package payments

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// OpenRefund stores a refund in the transaction of the caller, and reserves its amount.
// r.Payment needs only its keys. Without an id the refund gets a new one. It calls no payment system: a sweep sends the refund. See
// [billing.Subscription.Refund]. Errors:
//
//	billing.ErrInvalid               the amount or the reason is not valid
//	billing.ErrPaymentNotFound       the payment does not exist
//	billing.ErrInvalidTransition     the payment system has not taken the money of the payment
//	billing.ErrRefundExceedsPayment  less is left of the payment than the amount
//	billing.ErrRefundOpen            another refund of the payment is pending
func (c *Collector) OpenRefund(ctx context.Context, tx ports.Repos, r billing.RefundRequest) (billing.Refund, error) {
	all, err := loadLocked(ctx, tx, []Attempt{{Payment: &r.Payment}})
	if err != nil {
		return billing.Refund{}, err
	}
	before := *all[0].subscription
	r.ID, r.Payment = cmp.Or(r.ID, billing.RefundID(c.NewID())), *all[0].payment
	others, err := tx.Refunds.OfPayment(ctx, ports.KeyOf(&r.Payment))
	if err != nil {
		return billing.Refund{}, err
	}
	if anyPending(others) {
		return billing.Refund{}, billing.ErrRefundOpen
	}
	s, _, refund, events, err := before.Refund(r, c.Clock.Now())
	if err != nil {
		return billing.Refund{}, err
	}
	return refund, c.writeRefunds(ctx, tx, refundWrites{before: before, after: s, events: events, added: []billing.Refund{refund}})
}

// EnterRefund stores a refund that was made in the payment system's own panel, in the
// transaction of the caller. It returns [billing.ErrAlreadyExists] if it is stored, and
// [billing.ErrRefundExceedsPayment] if the refunds together exceed the payment.
func (c *Collector) EnterRefund(ctx context.Context, tx ports.Repos, p billing.Payment, e ports.RefundEntry) (billing.Refund, error) {
	all, err := loadLocked(ctx, tx, []Attempt{{Payment: &p}})
	if err != nil {
		return billing.Refund{}, err
	}
	stored, err := tx.Refunds.OfPayment(ctx, ports.KeyOf(&p))
	if err != nil {
		return billing.Refund{}, err
	}
	ref := billing.CleanReference(e.Ref)
	for _, r := range stored {
		if r.ProviderRef == ref || r.ID == e.Key {
			return r, billing.ErrAlreadyExists
		}
	}
	s := *all[0].subscription
	_, r, events, err := s.RecordedRefund(*all[0].payment, ref, e.Amount, e.At, c.Clock.Now())
	if err != nil {
		return r, err
	}
	return r, c.writeRefunds(ctx, tx, refundWrites{before: s, after: s, events: events, added: []billing.Refund{r}})
}

func anyPending(refunds []billing.Refund) bool {
	return slices.ContainsFunc(refunds, func(r billing.Refund) bool { return !r.Settled() })
}

// refundWrites are the changes that a refund causes.
type refundWrites struct {
	before, after billing.Subscription
	added, saved  []billing.Refund
	events        []billing.Event // get ids when they are written
}

// writeRefunds writes in the order in which rows are locked.
func (c *Collector) writeRefunds(ctx context.Context, tx ports.Repos, w refundWrites) error {
	ports.Identify(w.events, c.NewID)
	if err := tx.Events.Append(ctx, w.events...); err != nil {
		return err
	}
	if w.after != w.before {
		if err := tx.Subscriptions.Save(ctx, w.after); err != nil {
			return err
		}
	}
	if err := addRefunds(ctx, tx, w.added...); err != nil {
		return err
	}
	return tx.Refunds.Save(ctx, w.saved...)
}

// lockedRefund is a refund with its subscription and its payment, locked.
type lockedRefund struct {
	subscription billing.Subscription
	payments     map[billing.PaymentID]billing.Payment // the refunded one, and the latest one of the subscription
	refund       billing.Refund
}

// lockRefund locks the subscription, then the payments, then the refund.
func lockRefund(ctx context.Context, tx ports.Repos, r billing.Refund) (l lockedRefund, err error) {
	subs, err := tx.Subscriptions.Lock(ctx, ports.SubscriptionKey{User: r.UserID, ID: r.SubscriptionID})
	if err != nil {
		return l, err
	}
	if len(subs) != 1 {
		return l, fmt.Errorf("refund %s: %w", r.ID, billing.ErrSubscriptionNotFound)
	}
	paid, err := tx.Payments.Lock(ctx, ports.PaymentKey{User: r.UserID, ID: r.PaymentID}, ports.PaymentKey{User: r.UserID, ID: subs[0].LatestPaymentID})
	if err != nil {
		return l, err
	}
	found, err := tx.Refunds.Lock(ctx, ports.KeyOfRefund(&r))
	if err != nil {
		return l, err
	}
	if len(found) != 1 {
		return l, billing.ErrNotFound.WithMessage("there is no refund %s", r.ID)
	}
	l = lockedRefund{subs[0], make(map[billing.PaymentID]billing.Payment, len(paid)), found[0]}
	for _, p := range paid {
		l.payments[p.ID] = p
	}
	return l, nil
}

// recordRefund stores the outcome of a refund. A lookup that a notification demanded is
// over, even if the outcome is the same as before.
func (c *Collector) recordRefund(ctx context.Context, r billing.Refund, o billing.RefundOutcome) (billing.Refund, error) {
	after, err := c.changeRefund(ctx, r, func(s billing.Subscription, r billing.Refund) (billing.Refund, []billing.Event) {
		return s.SettleRefund(r, o.Clean(), c.Clock.Now())
	})
	if err == nil && after.Status != r.Status {
		c.logRefund(ctx, after)
	}
	return after, err
}

// reviewRefund lets a refund wait for a person.
func (c *Collector) reviewRefund(ctx context.Context, r billing.Refund) (billing.Refund, error) {
	return c.changeRefund(ctx, r, func(s billing.Subscription, r billing.Refund) (billing.Refund, []billing.Event) {
		return s.ReviewRefund(r, c.Clock.Now())
	})
}

// changeRefund applies a change to a refund in a transaction, and returns the refund as
// stored afterwards.
func (c *Collector) changeRefund(
	ctx context.Context, r billing.Refund, change func(billing.Subscription, billing.Refund) (billing.Refund, []billing.Event),
) (billing.Refund, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.RecordTimeout)
	defer cancel()
	w, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) (refundWrites, error) {
		l, err := lockRefund(ctx, tx, r)
		if err != nil {
			return refundWrites{}, err
		}
		after, events := change(l.subscription, l.refund)
		w := refundWrites{before: l.subscription, after: l.subscription, events: events, saved: []billing.Refund{after}}
		return w, c.writeRefunds(ctx, tx, w)
	})
	if err != nil {
		return r, fmt.Errorf("record refund %s: %w", r.ID, err)
	}
	c.report(ctx, w.events)
	return w.saved[0], nil
}

func (c *Collector) logRefund(ctx context.Context, r billing.Refund) {
	level := slog.LevelInfo
	if r.Status == billing.PaymentDeclined || r.Status == billing.PaymentAbandoned {
		level = slog.LevelWarn
	}
	c.Log.LogAttrs(ctx, level, "refund", slog.String("refund_id", string(r.ID)), slog.String("status", string(r.Status)),
		slog.String("decline_code", string(r.DeclineCode)), slog.String("payment_id", string(r.PaymentID)),
		slog.String("payment_system", r.PaymentSystem), slog.String("user_id", string(r.UserID)))
}

// DecideRefund settles a pending refund as a person has found out, in the transaction of
// the caller. It calls no payment system. It returns the refund before and after. Errors:
//
//	billing.ErrInvalid            the status is not valid: see [billing.Refund.Decide]
//	billing.ErrNotFound           the refund does not exist
//	billing.ErrInvalidTransition  the refund does not wait for a person
func (c *Collector) DecideRefund(ctx context.Context, tx ports.Repos, r billing.Refund, as billing.PaymentStatus) (before, after billing.Refund, err error) {
	o, err := r.Decide(as)
	if err != nil {
		return before, after, err
	}
	l, err := lockRefund(ctx, tx, r)
	if err != nil {
		return before, after, err
	}
	if before = l.refund; !before.NeedsReview() {
		return before, after, billing.ErrInvalidTransition.WithMessage("refund %s is %s and does not wait for a person", before.ID, before.Status)
	}
	after, events := l.subscription.SettleRefund(before, o, c.Clock.Now())
	return before, after, c.writeRefunds(ctx, tx, refundWrites{
		before: l.subscription, after: l.subscription, events: events, saved: []billing.Refund{after},
	})
}
