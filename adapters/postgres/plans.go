package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

// plans implements [ports.Plans].
type plans struct{ q *dbgen.Queries }

func (r plans) Lock(ctx context.Context, ref string) (billing.Plan, error) {
	row, err := r.q.PlanForUpdate(ctx, ref)
	if err != nil {
		return billing.Plan{}, orNotFound(err, billing.ErrPlanNotFound)
	}
	return planOf(row), nil
}

func (r plans) Add(ctx context.Context, p billing.Plan) error {
	return r.q.PlanAdd(ctx, dbgen.PlanAddParams{
		ID: string(p.ID), Code: p.Code, Name: p.Name,
		PriceAmount: p.Price.Amount, PriceCurrency: string(p.Price.Currency),
		IntervalMonths: int32(p.IntervalMonths), Features: orEmpty(p.Features),
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, ArchivedAt: p.ArchivedAt, EndingAt: p.EndingAt, PlanGroup: p.Group, Vat: string(p.VAT),
	})
}

func (r plans) Save(ctx context.Context, p billing.Plan) error {
	n, err := r.q.PlanSave(ctx, dbgen.PlanSaveParams{
		ID: string(p.ID), Code: p.Code, Name: p.Name,
		PriceAmount: p.Price.Amount, PriceCurrency: string(p.Price.Currency),
		IntervalMonths: int32(p.IntervalMonths), Features: orEmpty(p.Features),
		UpdatedAt: p.UpdatedAt, ArchivedAt: p.ArchivedAt, EndingAt: p.EndingAt, PlanGroup: p.Group, Vat: string(p.VAT),
	})
	return oneRow(n, err)
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func planOf(row *dbgen.Plan) billing.Plan {
	return billing.Plan{
		ID: billing.PlanID(row.ID), Code: row.Code, Name: row.Name,
		Price:          billing.Money{Amount: row.PriceAmount, Currency: billing.Currency(row.PriceCurrency)},
		IntervalMonths: int(row.IntervalMonths), Features: row.Features, Group: row.PlanGroup, VAT: billing.VAT(row.Vat),
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, ArchivedAt: row.ArchivedAt, EndingAt: row.EndingAt,
	}
}

func (r plans) Remove(ctx context.Context, id billing.PlanID) error {
	n, err := r.q.PlanRemove(ctx, string(id))
	return oneRow(n, err)
}

func (r plans) Subscribers(ctx context.Context, id billing.PlanID) (int, error) {
	n, err := r.q.PlanSubscribers(ctx, string(id))
	return int(n), err
}
