package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

type users struct{ tx *tx }

func (r users) Seen(ctx context.Context, id billing.UserID, now time.Time) error {
	return r.tx.later(anyNumber).UserSeen(ctx, string(id), now)
}

type methods struct {
	q  *dbgen.Queries
	tx *tx
}

func (r methods) Link(ctx context.Context, m billing.PaymentMethod) (billing.PaymentMethod, error) {
	err := r.tx.later(anyNumber).MethodAdd(ctx, dbgen.MethodAddParams{
		UserID: string(m.UserID), ID: string(m.ID), PaymentSystem: m.PaymentSystem,
		Token: m.Token.Reveal(), CreatedAt: m.CreatedAt,
	})
	if err != nil {
		return billing.PaymentMethod{}, err
	}
	row, err := r.q.MethodByToken(ctx, string(m.UserID), m.PaymentSystem, m.Token.Reveal())
	return methodOf(row), err
}

func (r methods) Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error) {
	row, err := r.q.Method(ctx, string(user), string(id))
	if err != nil {
		return billing.PaymentMethod{}, orNotFound(err, billing.ErrNotFound)
	}
	return methodOf(row), nil
}

func methodOf(row dbgen.PaymentMethod) billing.PaymentMethod {
	return billing.PaymentMethod{
		ID: billing.PaymentMethodID(row.ID), UserID: billing.UserID(row.UserID),
		PaymentSystem: row.PaymentSystem, Token: billing.NewSecret(row.Token), CreatedAt: row.CreatedAt,
		RemovedAt: row.RemovedAt,
	}
}
