package ports

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// Page asks for part of a list, newest first.
type Page struct {
	Limit  int    // at least 1
	Before string // only what is older than the item with this id; empty for the newest
}

// SubscriptionView is a subscription with what people ask of it.
type SubscriptionView struct {
	billing.Subscription
	Latest   billing.Payment
	Features []string // of its plan, today
}

// Views reads what viewers see. It locks nothing.
type Views interface {
	// Plans lists all plans, by code.
	Plans(ctx context.Context) ([]billing.Plan, error)
	// PaymentSystems lists all payment systems, by code.
	PaymentSystems(ctx context.Context) ([]billing.PaymentSystem, error)
	// Subscription returns the one that ref names, as [Subscriptions.Named] does.
	Subscription(ctx context.Context, user billing.UserID, ref string) (SubscriptionView, error)
	// Subscriptions lists a user's subscriptions.
	Subscriptions(ctx context.Context, user billing.UserID, p Page) ([]SubscriptionView, error)
	// LiveSubscriptions lists those of a user that have not ended.
	LiveSubscriptions(ctx context.Context, user billing.UserID) ([]SubscriptionView, error)
	// Events lists a user's history.
	Events(ctx context.Context, user billing.UserID, p Page) ([]billing.Event, error)
	// Payments lists a user's payments.
	Payments(ctx context.Context, user billing.UserID, p Page) ([]billing.Payment, error)
	// Cards lists a user's cards that are not removed.
	Cards(ctx context.Context, user billing.UserID, p Page) ([]billing.Card, error)
	// Due calls each for those that q asks for, the earliest first; for all
	// payment systems when q names none, and without end when its limit is 0.
	Due(ctx context.Context, q DueQuery, each func(Due) error) error
	// CountDue returns how many q asks for, whatever its limit is.
	CountDue(ctx context.Context, q DueQuery) (int, error)
}
