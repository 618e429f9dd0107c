package operators

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Panel is what operators see and do at the admin panel. Each method asks for
// the operator's role itself: looking needs any, changing needs an editor.
// Without it the error is [ErrForbidden] and nothing is changed.
type Panel struct {
	Store    ports.Store
	Views    ports.PanelViews
	Clock    ports.Clock
	NewID    func() string
	Location *time.Location // in which days begin
	Adapters []string       // codes that a payment system's adapter answers for
}

func (p Panel) catalog(by Operator) Catalog {
	return Catalog{Store: p.Store, Clock: p.Clock, NewID: p.NewID, By: by}
}

// PlanRow is a plan with how many subscribe to it.
type PlanRow struct {
	billing.Plan
	Subscribers int
}

// Plans lists all plans, those on sale first, by code.
func (p Panel) Plans(ctx context.Context, by Operator) ([]PlanRow, error) {
	if err := by.mayLook(); err != nil {
		return nil, err
	}
	plans, err := p.Store.Views().Plans(ctx)
	if err != nil {
		return nil, err
	}
	live, err := p.Views.Subscribers(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]PlanRow, len(plans))
	for i, plan := range plans {
		rows[i] = PlanRow{plan, live[plan.ID]}
	}
	slices.SortStableFunc(rows, func(a, b PlanRow) int { return archivedLast(a.ArchivedAt, b.ArchivedAt) })
	return rows, nil
}

func archivedLast(a, b time.Time) int {
	switch {
	case a.IsZero() == b.IsZero():
		return 0
	case a.IsZero():
		return -1
	default:
		return 1
	}
}

// Plan returns one plan. [billing.ErrPlanNotFound].
func (p Panel) Plan(ctx context.Context, by Operator, id billing.PlanID) (PlanRow, error) {
	rows, err := p.Plans(ctx, by)
	if err != nil {
		return PlanRow{}, err
	}
	i := slices.IndexFunc(rows, func(r PlanRow) bool { return r.ID == id })
	if i < 0 {
		return PlanRow{}, billing.ErrPlanNotFound
	}
	return rows[i], nil
}

// AddPlan is [Catalog.AddPlan] for an editor.
func (p Panel) AddPlan(ctx context.Context, by Operator, plan billing.Plan) (billing.Plan, error) {
	if err := by.mayEdit(); err != nil {
		return billing.Plan{}, err
	}
	return p.catalog(by).AddPlan(ctx, plan)
}

// EditPlan is [Catalog.EditPlan] for an editor.
func (p Panel) EditPlan(ctx context.Context, by Operator, e PlanEdit) (billing.Plan, error) {
	if err := by.mayEdit(); err != nil {
		return billing.Plan{}, err
	}
	return p.catalog(by).EditPlan(ctx, e)
}

// RemovePlan is [Catalog.RemovePlan] for an editor.
func (p Panel) RemovePlan(ctx context.Context, by Operator, id billing.PlanID) (Removal, error) {
	if err := by.mayEdit(); err != nil {
		return Removal{}, err
	}
	return p.catalog(by).RemovePlan(ctx, id)
}

// SystemRow is a payment system and whether an adapter answers for its code.
type SystemRow struct {
	billing.PaymentSystem
	HasAdapter bool
}

// PaymentSystems lists all payment systems, open ones first, by code.
func (p Panel) PaymentSystems(ctx context.Context, by Operator) ([]SystemRow, error) {
	if err := by.mayLook(); err != nil {
		return nil, err
	}
	systems, err := p.Store.Views().PaymentSystems(ctx)
	rows := make([]SystemRow, len(systems))
	for i, ps := range systems {
		rows[i] = SystemRow{ps, slices.Contains(p.Adapters, ps.Code)}
	}
	slices.SortStableFunc(rows, func(a, b SystemRow) int { return archivedLast(a.ArchivedAt, b.ArchivedAt) })
	return rows, err
}

// PaymentSystem returns one. [billing.ErrPaymentSystemNotFound].
func (p Panel) PaymentSystem(ctx context.Context, by Operator, code string) (SystemRow, error) {
	rows, err := p.PaymentSystems(ctx, by)
	if err != nil {
		return SystemRow{}, err
	}
	i := slices.IndexFunc(rows, func(r SystemRow) bool { return r.Code == code })
	if i < 0 {
		return SystemRow{}, billing.ErrPaymentSystemNotFound
	}
	return rows[i], nil
}

// AddPaymentSystem is [Catalog.AddPaymentSystem] for an editor.
func (p Panel) AddPaymentSystem(ctx context.Context, by Operator, ps billing.PaymentSystem) (billing.PaymentSystem, error) {
	if err := by.mayEdit(); err != nil {
		return billing.PaymentSystem{}, err
	}
	return p.catalog(by).AddPaymentSystem(ctx, ps)
}

// EditPaymentSystem is [Catalog.EditPaymentSystem] for an editor.
func (p Panel) EditPaymentSystem(ctx context.Context, by Operator, code, seen, name string) (billing.PaymentSystem, error) {
	if err := by.mayEdit(); err != nil {
		return billing.PaymentSystem{}, err
	}
	return p.catalog(by).EditPaymentSystem(ctx, code, seen, name)
}

// RemovePaymentSystem is [Catalog.RemovePaymentSystem] for an editor.
func (p Panel) RemovePaymentSystem(ctx context.Context, by Operator, code string) (Removal, error) {
	if err := by.mayEdit(); err != nil {
		return Removal{}, err
	}
	return p.catalog(by).RemovePaymentSystem(ctx, code)
}
