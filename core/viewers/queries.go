package viewers

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Queries answers what a viewer asks about the viewer's own things, and what
// everybody may ask about the catalogue. It changes nothing.
type Queries struct {
	Store ports.Store
	Clock ports.Clock
}

// Plans lists the plans that are sold, by code.
func (v Queries) Plans(ctx context.Context) ([]billing.Plan, error) {
	all, err := v.Store.Views().Plans(ctx)
	return slices.DeleteFunc(all, func(p billing.Plan) bool { return !p.ArchivedAt.IsZero() }), err
}

// PaymentSystems lists the payment systems that can be subscribed with, by code.
func (v Queries) PaymentSystems(ctx context.Context) ([]billing.PaymentSystem, error) {
	all, err := v.Store.Views().PaymentSystems(ctx)
	return slices.DeleteFunc(all, func(ps billing.PaymentSystem) bool { return !ps.ArchivedAt.IsZero() }), err
}

// Subscription returns the one that ref names: by its own id, or by its plan's
// code or id (the live one, else the newest). [billing.ErrNotFound] when the
// user has none such.
func (v Queries) Subscription(ctx context.Context, user billing.UserID, ref string) (ports.SubscriptionView, error) {
	s, err := v.Store.Views().Subscription(ctx, user, ref)
	return asOf(s, v.Clock.Now()), err
}

// Subscriptions lists the user's subscriptions, newest first.
func (v Queries) Subscriptions(ctx context.Context, user billing.UserID, p ports.Page) ([]ports.SubscriptionView, error) {
	list, err := v.Store.Views().Subscriptions(ctx, user, p)
	for i := range list {
		list[i] = asOf(list[i], v.Clock.Now())
	}
	return list, err
}

// History lists what happened to the user's subscriptions, newest first.
func (v Queries) History(ctx context.Context, user billing.UserID, p ports.Page) ([]billing.Event, error) {
	return v.Store.Views().Events(ctx, user, p)
}

// Payments lists the user's payments, newest first.
func (v Queries) Payments(ctx context.Context, user billing.UserID, p ports.Page) ([]billing.Payment, error) {
	return v.Store.Views().Payments(ctx, user, p)
}

// Entitlements is what a user may use: the features of every live plan, sorted,
// each once, and until when that holds if nothing more is paid: zero when there
// is nothing to use.
type Entitlements struct {
	Features []string
	Until    time.Time
}

// Entitlements says what the user may use now. With several plans it holds
// until the first of them ends.
func (v Queries) Entitlements(ctx context.Context, user billing.UserID) (Entitlements, error) {
	live, err := v.Store.Views().LiveSubscriptions(ctx, user)
	if err != nil {
		return Entitlements{}, err
	}
	var e Entitlements
	now := v.Clock.Now()
	for _, s := range live {
		until := s.AccessUntil(now)
		if until.IsZero() {
			continue
		}
		e.Features = append(e.Features, s.Features...)
		if e.Until.IsZero() || until.Before(e.Until) {
			e.Until = until
		}
	}
	slices.Sort(e.Features)
	e.Features = slices.Compact(e.Features)
	return e, nil
}

func asOf(s ports.SubscriptionView, now time.Time) ports.SubscriptionView {
	s.Subscription, _ = s.Subscription.At(now)
	return s
}
