package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Identify gives each event a new id.
func Identify(events []billing.Event, newID func() string) {
	for i := range events {
		events[i].ID = billing.EventID(newID())
	}
}

// SaveWithEvents saves a locked subscription, and its events, which get new ids.
func SaveWithEvents(ctx context.Context, tx Repos, newID func() string, s billing.Subscription, events []billing.Event) error {
	Identify(events, newID)
	if err := tx.Subscriptions.Save(ctx, s); err != nil {
		return err
	}
	return tx.Events.Append(ctx, events...)
}

// Events stores the history. Events are never changed or deleted.
type Events interface {
	// Append adds events. Each must have an id.
	Append(ctx context.Context, e ...billing.Event) error
	// Times returns when the user's newest events of this type happened, the newest
	// first: at most limit times, none before since.
	Times(ctx context.Context, user billing.UserID, t billing.EventType, since time.Time, limit int) ([]time.Time, error)
}
