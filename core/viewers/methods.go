package viewers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Methods links, lists and removes viewers' payment methods.
type Methods struct {
	Store     ports.Store
	Clock     ports.Clock
	NewID     func() string
	Providers map[string]ports.Provider // as of the Collector
	Saver     *payments.MethodSaver
	// Forgetters are the payment systems that must forget the tokens of removed methods.
	Forgetters map[string]ports.Forgetter
	// Collector cancels payments that wait for the viewer, when their method is removed. It
	// may be nil.
	Collector *payments.Collector
	Limits    billing.CardLimits
	// Wait bounds how long a removal waits for payments in flight.
	Wait time.Duration
	// Pause waits for d, or until ctx ends, and then returns its error. If Pause is
	// nil, the wall clock is used.
	Pause func(ctx context.Context, d time.Duration) error
}

// LinkToken is a viewer's request to link a payment token.
type LinkToken struct {
	User          billing.UserID
	PaymentSystem string // its code
	Token         billing.Secret
	Request       *ports.KeyedRequest
}

// Link makes a payment method of a token, and charges nothing. If the viewer has linked
// the token already, Link returns that method. Errors:
//
//	ErrInvalid                   the text cannot be a payment token
//	ErrPaymentSystemNotFound     there is no such payment system, or it is archived
//	ErrPaymentSystemUnavailable  this process has no adapter for the payment system
//	ErrNotSupported              the payment system takes no tokens of viewers
//	ErrRateLimited               a [billing.LimitedError]: too many new payment methods
//	ErrRequestInProgress         another request with the same key is running
func (s *Methods) Link(ctx context.Context, cmd LinkToken) (Method, error) {
	m, err := billing.NewPaymentMethod(billing.PaymentMethodID(s.NewID()), cmd.User, cmd.PaymentSystem, cmd.Token, s.Clock.Now())
	if err != nil {
		return Method{}, fmt.Errorf("link payment method: %w", err)
	}
	m, err = ports.InTx(ctx, s.Store, func(tx ports.Repos) (billing.PaymentMethod, error) {
		return s.link(ctx, tx, m, cmd.Request)
	})
	if err != nil {
		return Method{}, fmt.Errorf("link payment method: %w", err)
	}
	return s.withUseOf(ctx, ports.MethodView{PaymentMethod: m})
}

func (s *Methods) link(ctx context.Context, tx ports.Repos, m billing.PaymentMethod, r *ports.KeyedRequest) (billing.PaymentMethod, error) {
	// The claim comes first, so that a repetition waits here for the first request.
	if err := claim(ctx, tx, r, ""); err != nil {
		return m, err
	}
	linked, added, err := linker{s.NewID, s.Providers, s.Limits}.link(ctx, tx, m)
	if err == nil && !added {
		err = unclaim(ctx, tx, r)
	}
	return linked, err
}

// linker links tokens within a transaction of its caller.
type linker struct {
	newID     func() string
	providers map[string]ports.Provider
	limits    billing.CardLimits
}

// link returns the viewer's payment method with the token of m. If there is none, it
// stores m with its event, and reports that. Until tx ends, no other transaction can
// remove the method. The caller locks subscriptions before, as every transaction does.
// The errors are those of [Methods.Link], except that m is valid.
func (l linker) link(ctx context.Context, tx ports.Repos, m billing.PaymentMethod) (linked billing.PaymentMethod, added bool, err error) {
	if err := errors.Join(tx.Users.Seen(ctx, m.CreatedAt, m.UserID), tx.Users.Lock(ctx, m.UserID)); err != nil {
		return m, false, err
	}
	facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: m.UserID, PaymentSystem: m.PaymentSystem, Token: m.Token})
	if err != nil {
		return m, false, err
	}
	if err := checkSystem(facts[0].PaymentSystem, m.PaymentSystem, ports.ByToken, l.providers); err != nil {
		return m, false, err
	}
	if facts[0].Method != nil {
		return *facts[0].Method, false, nil
	}
	if err := l.checkLimit(ctx, tx, m); err != nil {
		return m, false, err
	}
	if err := tx.Methods.Add(ctx, m); err != nil {
		return m, false, err
	}
	events := []billing.Event{m.AddedEvent()}
	ports.Identify(events, l.newID)
	return m, true, tx.Events.Append(ctx, events...)
}

// checkLimit counts the viewer's new methods. The lock on the user serializes the
// requests, so that all are counted.
func (l linker) checkLimit(ctx context.Context, tx ports.Repos, m billing.PaymentMethod) error {
	window, limit := l.limits.Cards.Window()
	past, err := tx.CardLimits.Linked(ctx, m.UserID, m.CreatedAt.Add(-window), limit)
	if err != nil {
		return err
	}
	return l.limits.Cards.Allow(past, m.CreatedAt, billing.TooManyMethods)
}

// Method is a payment method, and the live subscriptions that it pays.
type Method struct {
	ports.MethodView
	UsedBy []billing.SubscriptionID
}

// List lists the user's payment methods that are not removed, newest first.
func (s *Methods) List(ctx context.Context, user billing.UserID, p ports.Page) ([]Method, error) {
	views, err := s.Store.Views().Methods(ctx, user, p)
	if err != nil {
		return nil, err
	}
	return s.withUse(ctx, user, views)
}

func (s *Methods) withUseOf(ctx context.Context, v ports.MethodView) (Method, error) {
	list, err := s.withUse(ctx, v.UserID, []ports.MethodView{v})
	if err != nil {
		return Method{}, fmt.Errorf("read payment method: %w", err)
	}
	return list[0], nil
}

func (s *Methods) withUse(ctx context.Context, user billing.UserID, views []ports.MethodView) ([]Method, error) {
	live, err := s.Store.Views().LiveSubscriptions(ctx, user)
	if err != nil {
		return nil, err
	}
	now, usedBy := s.Clock.Now(), make(map[billing.PaymentMethodID][]billing.SubscriptionID)
	for _, sub := range live {
		if sub, _ := sub.At(now); sub.Live() {
			usedBy[sub.MethodID] = append(usedBy[sub.MethodID], sub.ID)
		}
	}
	list := make([]Method, len(views))
	for i, v := range views {
		list[i] = Method{v, usedBy[v.ID]}
	}
	return list, nil
}

// Remove removes a payment method permanently, together with the viewer's methods that
// have the same token, and cancels the subscriptions that they pay. It waits for pending
// payments as [Cards.Remove] does. It keeps the card that the method was made from. A page
// on which the viewer saves the method loses its effect.
//
// A repeated removal waits for the same payments. Errors:
//
//	ErrPaymentMethodNotFound  the user never had such a method
//	ErrUnavailable            the method is removed, but a payment in flight is not settled
//	                          yet, or waits for the viewer's confirmation
func (s *Methods) Remove(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) error {
	r := remover{s.Store, s.Clock, s.NewID, s.Forgetters, s.Collector, waiter{s.Store, s.Wait, s.Pause}}
	if err := r.remove(ctx, ports.MethodRemoval{User: user, Method: id}); err != nil {
		return fmt.Errorf("remove payment method: %w", err)
	}
	return nil
}
