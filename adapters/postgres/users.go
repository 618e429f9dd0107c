package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
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
	return r.tx.queue().UsersSeen(ctx, stringsOf(ids), now)
}

func (r users) Identify(ctx context.Context, now time.Time, u billing.User) error {
	stored, err := r.q.UserIdentify(ctx, dbgen.UserIdentifyParams{UserID: string(u.ID), At: now, Subject: u.Subject, Display: u.Display.Reveal()})
	if err == nil && stored != u.Subject {
		err = ports.ErrOtherSubject
	}
	return err
}

func (r users) Lock(ctx context.Context, id billing.UserID) error {
	return r.q.UserLock(ctx, string(id))
}
