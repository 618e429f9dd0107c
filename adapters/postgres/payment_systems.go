package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

// paymentSystems implements [ports.PaymentSystems].
type paymentSystems struct{ q *dbgen.Queries }

func (r paymentSystems) Add(ctx context.Context, ps billing.PaymentSystem) error {
	return r.q.PaymentSystemAdd(ctx, dbgen.PaymentSystemAddParams(ps))
}

func (r paymentSystems) Save(ctx context.Context, ps billing.PaymentSystem) error {
	n, err := r.q.PaymentSystemSave(ctx, ps.Name, ps.ArchivedAt, ps.Code)
	return oneRow(n, err)
}

func (r paymentSystems) Lock(ctx context.Context, code string) (billing.PaymentSystem, error) {
	row, err := r.q.PaymentSystemForUpdate(ctx, code)
	if err != nil {
		return billing.PaymentSystem{}, orNotFound(err, billing.ErrPaymentSystemNotFound)
	}
	return billing.PaymentSystem(*row), nil
}

func (r paymentSystems) Remove(ctx context.Context, code string) error {
	n, err := r.q.PaymentSystemRemove(ctx, code)
	return oneRow(n, err)
}
