package viewers

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Source is what a viewer pays an existing subscription with: a linked payment method, a
// token, a kept card, or a page of the payment system. The zero value is the method of the
// subscription.
type Source struct {
	Method        billing.PaymentMethodID
	PaymentSystem string         // code, of Token, Card or the page; of the subscription if a card comes without it
	Token         billing.Secret // a token of the viewer, linked or not
	Card          billing.CardID
	CVV           billing.CVV // of Card, typed in by the viewer; the use case wipes it
}

// charging is a resolved source.
type charging struct {
	method billing.PaymentMethod
	isNew  bool         // the method is of a card or a page, and not stored yet
	card   billing.Card // if a card is charged
}

// means returns how the source is charged: a stored method by its token.
func (c charging) means() ports.Means {
	switch {
	case !c.isNew:
		return ports.ByToken
	case c.method.FromPage:
		return ports.ByPage
	default:
		return ports.ByCard
	}
}

// resolve returns the method of the source. Until the transaction ends, no other can
// remove it. Errors:
//
//	ErrPaymentMethodNotFound, ErrCardNotFound, ErrPaymentSystemNotFound, ErrInvalid
//	ErrInvalidTransition         the method cannot be charged any more
//	ErrPaymentSystemUnavailable  this process has no adapter for the payment system
//	ErrNotSupported              the payment system does not take a new source of this kind
//	ErrUnavailable               the stored token cannot be decrypted
func (s *Subscriber) resolve(ctx context.Context, tx ports.Repos, sub billing.Subscription, from Source, now time.Time) (charging, error) {
	c, err := s.find(ctx, tx, sub, from, now)
	if err != nil {
		return charging{}, err
	}
	if err := checkAdapter(c.method.PaymentSystem, s.Collector.Providers); err != nil {
		return charging{}, err
	}
	switch {
	case c.method.Unreadable:
		return charging{}, billing.ErrUnavailable.WithMessage("the payment method cannot be used at the moment; pay with another one")
	case !c.isNew && c.method.Retired() != "":
		if err := refuseSaving(ctx, tx, c.method); err != nil {
			return charging{}, err
		}
		return charging{}, billing.ErrInvalidTransition.WithMessage(
			"the payment method cannot be charged any more, because it was removed or its card was not saved; choose another one")
	default:
		return c, nil
	}
}

// refuseSaving returns an error if the method is still being saved on a page.
func refuseSaving(ctx context.Context, tx ports.Repos, m billing.PaymentMethod) error {
	save, err := tx.Saves.Lock(ctx, m.UserID, m.ID)
	switch {
	case errors.Is(err, billing.ErrPaymentMethodNotFound):
		return nil // made by a payment
	case err != nil:
		return err
	case !save.Settled():
		return billing.ErrInvalidTransition.WithMessage(
			"the payment method is not saved yet; finish on its page, and use it once its status is active")
	default:
		return nil
	}
}

func (s *Subscriber) find(ctx context.Context, tx ports.Repos, sub billing.Subscription, from Source, now time.Time) (c charging, err error) {
	id := billing.PaymentMethodID(s.NewID())
	switch {
	case from.Card != "":
		if c.card, err = s.takeCard(ctx, tx, sub.UserID, from.Card, from.CVV, now); err != nil {
			return c, err
		}
		c.method, c.isNew = billing.NewCardMethod(id, c.card, cmp.Or(from.PaymentSystem, sub.PaymentSystem), now), true
		return c, s.checkSystem(ctx, tx, c.method, ports.ByCard)
	case !from.Token.IsZero():
		if c.method, err = billing.NewPaymentMethod(id, sub.UserID, from.PaymentSystem, from.Token, now); err != nil {
			return c, err
		}
		c.method, _, err = linker{s.NewID, s.Collector.Providers, s.Limits}.link(ctx, tx, c.method)
		return c, err
	case from.Method != "":
		c.method, err = tx.Methods.Find(ctx, sub.UserID, from.Method)
		if err == nil && !c.method.RemovedAt.IsZero() {
			err = billing.ErrPaymentMethodNotFound
		}
		return c, err
	case from.PaymentSystem != "":
		c.method, c.isNew = billing.NewPageMethod(id, sub.UserID, from.PaymentSystem, now), true
		return c, s.checkSystem(ctx, tx, c.method, ports.ByPage)
	default:
		c.method, err = tx.Methods.Find(ctx, sub.UserID, sub.MethodID)
		return c, err
	}
}

// checkSystem returns an error unless the payment system of a new method takes payments of
// its kind.
func (s *Subscriber) checkSystem(ctx context.Context, tx ports.Repos, m billing.PaymentMethod, by ports.Means) error {
	facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: m.UserID, PaymentSystem: m.PaymentSystem})
	if err != nil {
		return err
	}
	return checkSystem(facts[0].PaymentSystem, m.PaymentSystem, by, s.Collector.Providers)
}
