package viewers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Remove removes a card permanently, together with the payment methods made from it,
// and cancels the subscriptions that they pay: see [billing.Subscription.StopRenewal].
// After it returns nil, no charge by the card or by one of these methods starts. It
// waits until the payments in flight are settled, or can neither be sent nor be
// confirmed by the viewer. It does not wait until a sweep has found out the outcome of a
// payment.
//
// A repeated removal waits for the same payments. Errors:
//
//	ErrCardNotFound  the user never had such a card
//	ErrUnavailable   the card is removed, but a payment in flight is not settled yet,
//	                 or waits for the viewer's confirmation
func (c *Cards) Remove(ctx context.Context, user billing.UserID, id billing.CardID) error {
	live, err := c.Store.Views().LiveSubscriptions(ctx, user)
	for err == nil {
		r := removal{user: user, card: id, live: live}
		if r.methods, err = ports.InTx(ctx, c.Store, func(tx ports.Repos) ([]billing.PaymentMethodID, error) {
			return c.remove(ctx, tx, r)
		}); err != nil {
			break
		}
		// A request that was subscribing with the card is visible now at the latest.
		if live, err = c.Store.Views().LiveSubscriptions(ctx, user); err == nil && !r.missed(live) {
			return c.awaitCharges(ctx, r, live)
		}
	}
	return fmt.Errorf("remove card: %w", err)
}

// removal is the removal of a card.
type removal struct {
	user    billing.UserID
	card    billing.CardID
	live    []ports.SubscriptionView  // may be paid by the card
	methods []billing.PaymentMethodID // removed with the card
}

// remove removes the card and cancels its subscriptions. It locks the subscriptions
// before the card and the methods, as every other transaction does. Therefore it cannot
// search for the subscriptions of the removed methods.
func (c *Cards) remove(ctx context.Context, tx ports.Repos, r removal) ([]billing.PaymentMethodID, error) {
	keys := make([]ports.SubscriptionKey, len(r.live))
	for i, s := range r.live {
		keys[i] = ports.SubscriptionKey{User: s.UserID, ID: s.ID}
	}
	subs, err := tx.Subscriptions.Lock(ctx, keys...)
	if err != nil {
		return nil, err
	}
	card, err := tx.Cards.Lock(ctx, r.user, r.card)
	if err != nil {
		return nil, err
	}
	now := c.Clock.Now()
	card, events := card.Remove(now)
	if len(events) > 0 {
		if err := tx.Cards.Save(ctx, card); err != nil {
			return nil, err
		}
	}
	if r.methods, err = tx.Methods.RemoveByCard(ctx, card); err != nil {
		return nil, err
	}
	var stopped []billing.Subscription
	for _, s := range subs {
		if !r.pays(s) {
			continue
		}
		if s, changes := s.StopRenewal(billing.MethodRemoved, now); len(changes) > 0 {
			stopped, events = append(stopped, s), append(events, changes...)
		}
	}
	ports.Identify(events, c.NewID)
	if err := tx.Events.Append(ctx, events...); err != nil {
		return nil, err
	}
	return r.methods, tx.Subscriptions.Save(ctx, stopped...)
}

// pays reports whether a removed method pays the subscription.
func (r removal) pays(s billing.Subscription) bool { return slices.Contains(r.methods, s.MethodID) }

// pending returns the pending payments of the subscriptions that a removed method pays.
func (r removal) pending(live []ports.SubscriptionView) []ports.PaymentKey {
	var keys []ports.PaymentKey
	for _, s := range live {
		if s.Charging && r.pays(s.Subscription) {
			keys = append(keys, ports.PaymentKey{User: s.UserID, ID: s.LatestPaymentID})
		}
	}
	return keys
}

// missed reports whether a subscription was stored too late to be cancelled.
func (r removal) missed(live []ports.SubscriptionView) bool {
	return slices.ContainsFunc(live, func(s ports.SubscriptionView) bool {
		return r.pays(s.Subscription) && !s.CancelAtPeriodEnd
	})
}

// errInFlight is the response if a payment by the removed card is being settled.
var errInFlight = billing.ErrUnavailable.WithMessage(
	"the card is not charged for anything new, but a payment with it is still pending; " +
		"confirm or decline it if you are asked to, and remove the card again in a moment")

// awaitCharges waits until no pending payment may charge the card. If one still may, the
// next sweep looks it up, because the viewer waits for it.
func (c *Cards) awaitCharges(ctx context.Context, r removal, live []ports.SubscriptionView) error {
	w := waiter{c.Store, c.Wait, c.Pause}
	over, err := w.await(ctx, func(tx ports.Repos) (bool, error) { return tx.Cards.MayBeCharged(ctx, r.user, r.card) })
	if err == nil && !over {
		err = c.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Leases.ReleaseSweep(ctx, r.pending(live)...) })
	}
	switch {
	case ctx.Err() != nil:
		return errors.Join(errInFlight, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("remove card: %w", err)
	case !over:
		return errInFlight
	default:
		return nil
	}
}
