package postgres

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

func (r plans) Remove(ctx context.Context, id billing.PlanID) error {
	n, err := r.q.PlanRemove(ctx, string(id))
	return mustTouch(1, n, err)
}

func (r plans) Subscribers(ctx context.Context, id billing.PlanID) (int, error) {
	n, err := r.q.PlanSubscribers(ctx, string(id))
	return int(n), err
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
	return mustTouch(1, n, err)
}
