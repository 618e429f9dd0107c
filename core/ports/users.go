package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Users keeps the registry of users.
type Users interface {
	// Seen registers the users at now, or moves the time of their being last seen
	// to now if that is later by a minute.
	Seen(ctx context.Context, now time.Time, ids ...billing.UserID) error
	// Lock makes others wait that lock the same user, until the transaction ends.
	Lock(ctx context.Context, id billing.UserID) error
}
