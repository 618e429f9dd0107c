package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// SubscriptionLists reads the subscriptions of all users, by user and then by id.
type SubscriptionLists interface {
	// Subscriptions returns at most limit subscriptions that match the filter, after one
	// key up to and including another one. The zero key of to is the end.
	Subscriptions(ctx context.Context, f SubscriptionFilter, from, to SubscriptionKey, limit int) ([]SubscriptionRow, error)
	// Bound returns the key that is n subscriptions after from, or the zero key if at
	// most n follow.
	Bound(ctx context.Context, from SubscriptionKey, n int) (SubscriptionKey, error)
	// Held returns the subscriptions on hold after a key, by the end of their access. It
	// reads f.Plan and f.Hold only.
	Held(ctx context.Context, f SubscriptionFilter, from HeldKey, limit int) ([]SubscriptionRow, error)
}

// HeldKey orders subscriptions on hold.
type HeldKey struct {
	GraceUntil time.Time
	SubscriptionKey
}

// SubscriptionFilter selects subscriptions. Empty fields select all.
type SubscriptionFilter struct {
	Since, Until time.Time // of the creation; Since is inclusive, Until is exclusive
	Plan         string    // code
	Status       billing.Status
	At           time.Time           // a subscription has the status at this time, by [billing.Subscription.At]; zero for the stored status
	Hold         billing.DeclineCode // of a list of subscriptions on hold
}

// SubscriptionRow is a subscription in a list. It has the plan's code of today.
type SubscriptionRow struct{ billing.Subscription }

// EventLists reads the events of all users in the order of their times.
type EventLists interface {
	// EventsAfter returns at most limit events from since to until, exclusive. With
	// after it returns only events that follow the one with this id at since.
	EventsAfter(ctx context.Context, since, until time.Time, after billing.EventID, limit int) ([]billing.Event, error)
}

// ExportViews reads all records for an export.
type ExportViews struct {
	Payments      PaymentViews
	Events        EventLists
	Subscriptions SubscriptionLists
}
