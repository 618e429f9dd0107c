package memory

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type users struct{ *tx }

func (r users) Seen(_ context.Context, now time.Time, ids ...billing.UserID) error {
	for _, id := range ids {
		r.users[id] = r.seen(now, id)
	}
	return nil
}

func (r users) Identify(_ context.Context, now time.Time, identified billing.User) error {
	u := r.seen(now, identified.ID)
	if u.Subject != "" && u.Subject != identified.Subject {
		return ports.ErrOtherSubject
	}
	u.Subject = identified.Subject
	if !identified.Display.IsZero() {
		u.Display = identified.Display
	}
	r.users[u.ID] = u
	return nil
}

// seen returns the new or existing user with the time of the last visit.
func (r users) seen(now time.Time, id billing.UserID) billing.User {
	u, known := r.users[id]
	if !known {
		u = billing.User{ID: id, FirstSeenAt: now}
	}
	if now.After(u.LastSeenAt) {
		u.LastSeenAt = now
	}
	return u
}

// Lock does nothing, because transactions run one at a time.
func (r users) Lock(context.Context, billing.UserID) error { return nil }
