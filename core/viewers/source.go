package viewers

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Source is what a viewer pays an existing subscription with: a linked payment method, a
// token, or a kept card. The zero value is the method of the subscription.
type Source struct {
	Method        billing.PaymentMethodID
	PaymentSystem string         // code, of Token or Card; of the subscription if a card comes without it
	Token         billing.Secret // a token of the viewer, linked or not
	Card          billing.CardID
	CVV           billing.CVV // of Card, typed in by the viewer; the use case wipes it
}

// charging is a resolved source.
type charging struct {
	method billing.PaymentMethod
	isNew  bool         // the method is not stored yet
	card   billing.Card // if a card is charged
}

// resolve returns the method of the source. Until the transaction ends, no other can
// remove it. Errors:
//
//	ErrPaymentMethodNotFound, ErrCardNotFound, ErrPaymentSystemNotFound, ErrInvalid
//	ErrInvalidTransition         the method cannot be charged any more
//	ErrPaymentSystemUnavailable  this process has no adapter for the payment system
//	ErrUnavailable               the stored token cannot be decrypted
func (s *Subscriber) resolve(ctx context.Context, tx ports.Repos, sub billing.Subscription, from Source, now time.Time) (charging, error) {
	c, err := s.find(ctx, tx, sub, from, now)
	if err != nil {
		return charging{}, err
	}
	_, hasAdapter := s.Collector.Providers[c.method.PaymentSystem]
	switch {
	case !hasAdapter:
		return charging{}, billing.ErrPaymentSystemUnavailable.WithMessage(
			"payment system %s takes no payments here; choose another one; nothing was charged", c.method.PaymentSystem)
	case c.method.Unreadable:
		return charging{}, billing.ErrUnavailable.WithMessage("the payment method cannot be used at the moment; pay with another one")
	case from.Card == "" && c.method.Retired() != "":
		return charging{}, billing.ErrInvalidTransition.WithMessage(
			"the payment method cannot be charged any more, because it was removed or its card was not saved; choose another one")
	default:
		return c, nil
	}
}

func (s *Subscriber) find(ctx context.Context, tx ports.Repos, sub billing.Subscription, from Source, now time.Time) (c charging, err error) {
	switch {
	case from.Card != "":
		if c.card, err = s.takeCard(ctx, tx, sub.UserID, from.Card, from.CVV, now); err != nil {
			return c, err
		}
		system := from.PaymentSystem
		if system == "" {
			system = sub.PaymentSystem
		} else if _, err := s.takeToken(ctx, tx, sub.UserID, system, billing.Secret{}); err != nil {
			return c, err
		}
		c.method, c.isNew = billing.NewCardMethod(billing.PaymentMethodID(s.NewID()), c.card, system, now), true
		return c, nil
	case !from.Token.IsZero():
		c.method, err = billing.NewPaymentMethod(billing.PaymentMethodID(s.NewID()), sub.UserID, from.PaymentSystem, from.Token, now)
		if err != nil {
			return c, err
		}
		linked, err := s.takeToken(ctx, tx, sub.UserID, from.PaymentSystem, from.Token)
		if c.isNew = linked == nil; linked != nil {
			c.method = *linked
		}
		return c, err
	case from.Method != "":
		c.method, err = tx.Methods.Find(ctx, sub.UserID, from.Method)
		if err == nil && !c.method.RemovedAt.IsZero() {
			err = billing.ErrPaymentMethodNotFound
		}
		return c, err
	default:
		c.method, err = tx.Methods.Find(ctx, sub.UserID, sub.MethodID)
		return c, err
	}
}

// takeToken returns the viewer's method with a token, or nil if there is none. It returns
// [billing.ErrPaymentSystemNotFound] unless the payment system is on sale.
func (s *Subscriber) takeToken(ctx context.Context, tx ports.Repos, user billing.UserID, system string, token billing.Secret) (*billing.PaymentMethod, error) {
	facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: user, PaymentSystem: system, Token: token})
	if err != nil {
		return nil, err
	}
	ps := facts[0].PaymentSystem
	switch {
	case ps == nil:
		return nil, billing.ErrPaymentSystemNotFound
	case !ps.ArchivedAt.IsZero():
		return nil, billing.ErrPaymentSystemNotFound.WithMessage("payment system %s takes no new subscriptions", system)
	default:
		return facts[0].Method, nil
	}
}
