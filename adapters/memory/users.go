package memory

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

type users struct{ *tx }

func (r users) Seen(_ context.Context, now time.Time, ids ...billing.UserID) error {
	for _, id := range ids {
		u, known := r.users[id]
		if !known {
			u = billing.User{ID: id, FirstSeenAt: now}
		}
		if now.After(u.LastSeenAt) {
			u.LastSeenAt = now
		}
		r.users[id] = u
	}
	return nil
}

// Lock does nothing: transactions here run one at a time.
func (r users) Lock(context.Context, billing.UserID) error { return nil }

type methods struct{ *tx }

func (r methods) Find(_ context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error) {
	m, ok := r.methods[id]
	if !ok || m.UserID != user {
		return billing.PaymentMethod{}, billing.ErrNotFound
	}
	return m, nil
}
