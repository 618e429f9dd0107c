package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Page selects part of a list that is sorted from newest to oldest.
type Page struct {
	Limit  int    // at least 1
	Before string // id of an item: only older items follow; empty for the newest
	Filter        // of subscriptions and payments; other lists ignore it
}

// Filter selects items of a list. Its zero value selects all.
type Filter struct {
	Plan   string    // code or id of the plan
	Status string    // of the subscription or payment
	At     time.Time // the subscription has the status at this time, by [billing.Subscription.At]; zero for the stored status
}

// SubscriptionView is a subscription with its latest payment and its plan's
// features.
type SubscriptionView struct {
	billing.Subscription
	Latest   billing.Payment // zero if the subscription was given
	Features []string        // of the plan today
}

// MethodView is a payment method with what a viewer recognizes its card by.
type MethodView struct {
	billing.PaymentMethod
	Brand     billing.Brand // of the card; empty for a token
	Last4     string        // of the card; empty for a token
	Charging  bool          // a payment by the method is pending
	Saving    bool          // it is being saved without a charge
	ActionURL string        // page on which the viewer saves it; empty if none is open
	PageUntil time.Time     // when that page expires; zero if not known
}

// Status returns the status of the method, unless it is removed.
func (v MethodView) Status() billing.MethodStatus {
	return v.PaymentMethod.Status(v.Charging || v.Saving)
}

// Views reads outside a transaction and locks nothing.
type Views struct {
	PublicViews
	ViewerViews
	ViewerRecords
	AccessViews
	WalletViews
	DueViews
	NoticeViews
	ReceiptViews
	InstructionViews
	EndpointViews
	GrantViews
	PlanEndingViews
}

// PublicViews reads the plans and payment systems that viewers choose from.
type PublicViews interface {
	// Plans lists all plans, by code.
	Plans(ctx context.Context) ([]billing.Plan, error)
	// PaymentSystems lists all payment systems, by code.
	PaymentSystems(ctx context.Context) ([]billing.PaymentSystem, error)
}

// ViewerViews reads one viewer's records. Lists are sorted from newest to oldest.
type ViewerViews interface {
	// Subscription returns the subscription that ref names, as
	// [Subscriptions.Named] does.
	Subscription(ctx context.Context, user billing.UserID, ref string) (SubscriptionView, error)
	// Subscriptions lists a user's subscriptions, as stored.
	Subscriptions(ctx context.Context, user billing.UserID, p Page) ([]SubscriptionView, error)
	// LiveSubscriptions lists a user's subscriptions that have not ended.
	LiveSubscriptions(ctx context.Context, user billing.UserID) ([]SubscriptionView, error)
	// Events lists a user's history, ordered by time and then by id. If the user has no
	// event with the id p.Before, the list is empty.
	Events(ctx context.Context, user billing.UserID, p Page) ([]billing.Event, error)
	// Payments lists a user's payments.
	Payments(ctx context.Context, user billing.UserID, p Page) ([]billing.Payment, error)
}

// AccessViews reads the access of any users, for the cinema's services.
type AccessViews interface {
	// LiveSubscriptionsOf lists the subscriptions of the users that have not ended, in any
	// order. One query reads all of them.
	LiveSubscriptionsOf(ctx context.Context, users ...billing.UserID) ([]LiveSubscription, error)
	// Subject returns the subject of a user, which may be empty. It returns
	// [billing.ErrNotFound] if the user is not registered.
	Subject(ctx context.Context, user billing.UserID) (string, error)
}

// LiveSubscription is a subscription with its plan's features and the subject of its user.
type LiveSubscription struct {
	billing.Subscription
	Features []string // of the plan today
	Subject  string   // empty if not known
}

// ViewerRecords reads records of a viewer by id.
type ViewerRecords interface {
	// Payment returns a payment of the user. It returns [billing.ErrPaymentNotFound] if
	// the user has no such payment.
	Payment(ctx context.Context, user billing.UserID, id billing.PaymentID) (billing.Payment, error)
	// Refunds lists the refunds of payments of the user, oldest first.
	Refunds(ctx context.Context, user billing.UserID, payments ...billing.PaymentID) ([]billing.Refund, error)
}

// WalletViews reads what one viewer can pay with. Lists are sorted from newest to oldest.
type WalletViews interface {
	// Cards lists a user's cards that are not removed.
	Cards(ctx context.Context, user billing.UserID, p Page) ([]billing.Card, error)
	// Card returns a card of the user. It returns [billing.ErrCardNotFound] if the user
	// has no such card, or removed it.
	Card(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error)
	// Methods lists a user's payment methods that are not removed.
	Methods(ctx context.Context, user billing.UserID, p Page) ([]MethodView, error)
	// SavedMethod returns a method of the user that is or was saved without a charge,
	// removed or not. It returns [billing.ErrPaymentMethodNotFound] if there is none.
	SavedMethod(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (MethodView, error)
}

// DueViews reads the due subscriptions and lookups.
type DueViews interface {
	// Due calls each for the subscriptions that q selects, the earliest first. It
	// selects all payment systems if q names none, and has no bound if the limit
	// is 0.
	Due(ctx context.Context, q DueQuery, each func(Due) error) error
	// Over calls each for the subscriptions that [DueSubscriptions.LockOver] finds,
	// without a limit.
	Over(ctx context.Context, now time.Time, each func(billing.Subscription) error) error
	// CountDue returns the number of subscriptions that q selects without its limit.
	CountDue(ctx context.Context, q DueQuery) (int, error)
	// SystemsToSweep returns the codes of the payment systems at which a sweep would
	// lease payments now, in any order: see [PaymentLeases].
	SystemsToSweep(ctx context.Context) ([]string, error)
	// SystemsToRefund returns the codes of the payment systems at which a sweep would lease
	// refunds now, in any order: see [RefundLeases].
	SystemsToRefund(ctx context.Context) ([]string, error)
	// SystemsToSweepSaves is SystemsToSweep for [Saves].
	SystemsToSweepSaves(ctx context.Context) ([]string, error)
}
