package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func Identify(events []billing.Event, newID func() string) {
	for i := range events {
		events[i].ID = billing.EventID(newID())
	}
}

// Events keeps the history. It only grows.
type Events interface {
	// Append adds events, which have their ids.
	Append(ctx context.Context, e ...billing.Event) error
	// Told reports whether the user has an event of this type at since or later.
	Told(ctx context.Context, user billing.UserID, t billing.EventType, since time.Time) (bool, error)
}
