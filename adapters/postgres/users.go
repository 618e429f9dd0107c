package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

// users implements [ports.Users].
type users struct {
	q  *dbgen.Queries
	tx tx
}

func (r users) Seen(ctx context.Context, now time.Time, ids ...billing.UserID) error {
	if len(ids) == 0 {
		return nil
	}
	return r.tx.queue().UsersSeen(ctx, mapSlice(ids, func(id billing.UserID) string { return string(id) }), now)
}

func (r users) Lock(ctx context.Context, id billing.UserID) error {
	return r.q.UserLock(ctx, string(id))
}
