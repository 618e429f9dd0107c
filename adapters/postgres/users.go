package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

type users struct {
	q  *dbgen.Queries
	tx *tx
}

func (r users) Seen(ctx context.Context, id billing.UserID, now time.Time) error {
	return r.tx.later(anyNumber).UserSeen(ctx, string(id), now)
}

func (r users) Lock(ctx context.Context, id billing.UserID) error {
	return r.q.UserLock(ctx, string(id))
}
