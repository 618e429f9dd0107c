package viewers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Remove removes a card permanently, together with the payment methods made from it,
// and cancels the subscriptions that they pay: see [billing.Subscription.StopRenewal].
// After it returns nil, no charge by the card or by one of these methods starts. It
// waits until the payments in flight are settled, or can neither be sent nor be
// confirmed by the viewer. It does not wait until a sweep has found out the outcome of a
// payment. A payment that waits for the viewer is cancelled, if its payment system can: see
// [payments.Collector.CancelOpen].
//
// Payment systems that can forget the tokens are asked later: see
// [payments.TokenForgetter].
//
// A repeated removal waits for the same payments. Errors:
//
//	ErrCardNotFound  the user never had such a card
//	ErrUnavailable   the card is removed, but a payment in flight is not settled yet,
//	                 or waits for the viewer's confirmation
func (c *Cards) Remove(ctx context.Context, user billing.UserID, id billing.CardID) error {
	r := remover{c.Store, c.Clock, c.NewID, c.Forgetters, c.Collector, waiter{c.Store, c.Wait, c.Pause}}
	if err := r.remove(ctx, ports.MethodRemoval{User: user, Card: id}); err != nil {
		return fmt.Errorf("remove card: %w", err)
	}
	return nil
}

// Unlink removes a payment method as [Methods.Remove] does, but in the transaction of the
// caller, and without a wait for pending payments. live are the viewer's live subscriptions,
// read before. A subscription that the viewer makes meanwhile is not cancelled, but the
// method is never charged for it. It returns [billing.ErrPaymentMethodNotFound] if the user
// never had such a method.
func (s *Methods) Unlink(ctx context.Context, tx ports.Repos, live []ports.SubscriptionView, user billing.UserID, id billing.PaymentMethodID) error {
	r := remover{store: s.Store, clock: s.Clock, newID: s.NewID, forgets: s.Forgetters}
	_, err := r.apply(ctx, tx, removal{MethodRemoval: ports.MethodRemoval{User: user, Method: id}, live: live})
	return err
}

// remover removes cards and payment methods.
type remover struct {
	store   ports.Store
	clock   ports.Clock
	newID   func() string
	forgets map[string]ports.Forgetter
	// collector cancels payments that wait for the viewer. It may be nil.
	collector *payments.Collector
	waiter    waiter
}

// removal is the removal of a card or of a payment method.
type removal struct {
	ports.MethodRemoval
	live    []ports.SubscriptionView  // may be paid by the removed methods
	methods []billing.PaymentMethodID // removed, by this removal or an earlier one
}

// remove removes a card or a method, and the other methods with the same tokens. After
// it returns nil, no charge by one of them starts.
func (r remover) remove(ctx context.Context, target ports.MethodRemoval) error {
	live, err := r.store.Views().LiveSubscriptions(ctx, target.User)
	for err == nil {
		x := removal{MethodRemoval: target, live: live}
		x.methods, err = ports.InTx(ctx, r.store, func(tx ports.Repos) ([]billing.PaymentMethodID, error) {
			return r.apply(ctx, tx, x)
		})
		if err != nil {
			break
		}
		// A request that was subscribing with one of the methods is visible now at the latest.
		if live, err = r.store.Views().LiveSubscriptions(ctx, target.User); err == nil && !x.missed(live) {
			failed := r.cancelOpen(ctx, x)
			if err := r.awaitCharges(ctx, x, live); err != nil {
				return errors.Join(err, failed)
			}
			return nil // a sweep records what failed
		}
	}
	return err
}

// apply removes the card and the methods, cancels their subscriptions, and returns the
// methods. It reads the clock after everything is locked, so that no payment by one of
// the methods is younger than the removal.
func (r remover) apply(ctx context.Context, tx ports.Repos, x removal) (ids []billing.PaymentMethodID, err error) {
	l, err := x.lock(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, m := range l.methods {
		ids = append(ids, m.ID)
	}
	c := l.remove(r.clock.Now())
	ports.Identify(c.events, r.newID)
	if err := tx.TokenRemovals.Add(ctx, r.toForget(l.methods)...); err != nil {
		return nil, err
	}
	return ids, c.save(ctx, tx, x.MethodRemoval)
}

// toForget returns the methods whose tokens a payment system can forget. Methods that were
// removed before have no token.
func (r remover) toForget(methods []billing.PaymentMethod) (list []billing.PaymentMethod) {
	for _, m := range methods {
		if _, can := r.forgets[m.PaymentSystem]; can {
			list = append(list, m)
		}
	}
	return list
}

// lockedForRemoval are the records that a removal may change.
type lockedForRemoval struct {
	subscriptions []billing.Subscription
	card          billing.Card // without an id if a method is removed
	methods       []billing.PaymentMethod
}

// lock locks the subscriptions before the card and the methods, as every other
// transaction does. Therefore it cannot search for the subscriptions of the methods.
func (x removal) lock(ctx context.Context, tx ports.Repos) (l lockedForRemoval, err error) {
	keys := make([]ports.SubscriptionKey, len(x.live))
	for i, s := range x.live {
		keys[i] = ports.SubscriptionKey{User: s.UserID, ID: s.ID}
	}
	if l.subscriptions, err = tx.Subscriptions.Lock(ctx, keys...); err != nil {
		return l, err
	}
	if x.Card != "" {
		if l.card, err = tx.Cards.Lock(ctx, x.User, x.Card); err != nil {
			return l, err
		}
	}
	l.methods, err = tx.Methods.LockForRemoval(ctx, x.MethodRemoval)
	if err == nil && x.Card == "" && len(l.methods) == 0 {
		err = billing.ErrPaymentMethodNotFound
	}
	return l, err
}

// removed are the changes of a removal.
type removed struct {
	cards         []billing.Card // at most one
	methods       []billing.PaymentMethod
	subscriptions []billing.Subscription
	events        []billing.Event
}

// remove returns the changes. A repeated removal changes nothing.
func (l lockedForRemoval) remove(now time.Time) (c removed) {
	if l.card.ID != "" {
		card, events := l.card.Remove(now)
		if c.events = events; len(events) > 0 {
			c.cards = append(c.cards, card)
		}
	}
	for _, m := range l.methods {
		if m.RemovedAt.IsZero() {
			m = m.Remove(now)
			c.methods = append(c.methods, m)
			if l.card.ID == "" { // the event of a card's removal covers its methods
				c.events = append(c.events, m.RemovedEvent())
			}
		}
	}
	for _, s := range l.subscriptions {
		if !slices.ContainsFunc(l.methods, func(m billing.PaymentMethod) bool { return m.ID == s.MethodID }) {
			continue
		}
		if s, events := s.StopRenewal(billing.MethodRemoved, now); len(events) > 0 {
			c.subscriptions, c.events = append(c.subscriptions, s), append(c.events, events...)
		}
	}
	return c
}

func (c removed) save(ctx context.Context, tx ports.Repos, r ports.MethodRemoval) error {
	for _, card := range c.cards {
		if err := tx.Cards.Save(ctx, card); err != nil {
			return err
		}
	}
	if err := tx.Methods.Remove(ctx, r, c.methods...); err != nil {
		return err
	}
	if err := tx.Events.Append(ctx, c.events...); err != nil {
		return err
	}
	return tx.Subscriptions.Save(ctx, c.subscriptions...)
}

// pays reports whether a removed method pays the subscription.
func (x removal) pays(s billing.Subscription) bool { return slices.Contains(x.methods, s.MethodID) }

// missed reports whether a subscription was stored too late to be cancelled.
func (x removal) missed(live []ports.SubscriptionView) bool {
	return slices.ContainsFunc(live, func(s ports.SubscriptionView) bool {
		return x.pays(s.Subscription) && !s.CancelAtPeriodEnd
	})
}

// pending returns the pending payments by removed methods.
func (x removal) pending(live []ports.SubscriptionView) []ports.PaymentKey {
	var keys []ports.PaymentKey
	for _, s := range live {
		if s.Charging && slices.Contains(x.methods, s.Latest.MethodID) {
			keys = append(keys, ports.PaymentKey{User: s.UserID, ID: s.LatestPaymentID})
		}
	}
	return keys
}

// cancelOpen cancels the pending payments by removed methods that wait for the viewer, where
// the payment system can. The methods are removed already, so no other payment by them
// begins. A payment that stays pending, also because its outcome could not be recorded, holds
// the removal: see awaitCharges.
func (r remover) cancelOpen(ctx context.Context, x removal) error {
	keys := x.pending(x.live)
	if r.collector == nil || len(keys) == 0 {
		return nil
	}
	list, err := ports.InTx(ctx, r.store, func(tx ports.Repos) ([]billing.Payment, error) { return tx.Payments.Lock(ctx, keys...) })
	for _, p := range list {
		if ctx.Err() != nil {
			break
		}
		if _, failed := r.collector.CancelOpen(ctx, p); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// errInFlight is the response if a payment by a removed method is being settled.
func (x removal) errInFlight() error {
	what := "the payment method"
	if x.Card != "" {
		what = "the card"
	}
	return billing.ErrUnavailable.WithMessage("%[1]s is not charged for anything new, but a payment with it is still pending; "+
		"confirm or decline it if you are asked to, and remove %[1]s again in a moment", what)
}

// awaitCharges waits until no pending payment may charge one of the methods. If one
// still may, the next sweep looks it up, because the viewer waits for it.
func (r remover) awaitCharges(ctx context.Context, x removal, live []ports.SubscriptionView) error {
	over, err := r.waiter.await(ctx, func(tx ports.Repos) (bool, error) {
		return tx.Methods.MayBeCharged(ctx, x.User, x.methods...)
	})
	if err == nil && !over {
		err = r.store.InTx(ctx, func(tx ports.Repos) error { return tx.Leases.ReleaseSweep(ctx, x.pending(live)...) })
	}
	switch {
	case ctx.Err() != nil:
		return errors.Join(x.errInFlight(), context.Cause(ctx))
	case err == nil && !over:
		return x.errInFlight()
	default:
		return err
	}
}
