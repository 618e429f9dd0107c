package operators

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Panel reads the data of the admin panel's pages. [Catalog] makes the changes.
// Each method returns [ErrForbidden] unless the operator has a role.
type Panel struct {
	Store    ports.Store
	Views    ports.PanelViews
	Clock    ports.Clock
	Location *time.Location // time zone of the days on the dashboard
	Adapters []string       // codes of the payment systems that have an adapter
	// SearchTime is the time after which a search of a list stops and returns a cursor.
	// It is measured on the wall clock. 0 means 50 ms.
	SearchTime time.Duration
	TestClock  bool // Clock is not the system's, so ids do not tell the times of payments
}

// Plans returns all plans with their subscribers: plans on sale first, then by
// code.
func (p Panel) Plans(ctx context.Context, by Operator) ([]ports.PlanRow, error) {
	if err := by.mayRead(); err != nil {
		return nil, err
	}
	plans, err := p.Store.Views().Plans(ctx)
	if err != nil {
		return nil, err
	}
	live, err := p.Views.Catalog.Subscribers(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]ports.PlanRow, len(plans))
	for i, plan := range plans {
		rows[i] = ports.PlanRow{Plan: plan, Subscribers: live[plan.ID]}
	}
	slices.SortStableFunc(rows, func(a, b ports.PlanRow) int { return archivedLast(a.ArchivedAt, b.ArchivedAt) })
	return rows, nil
}

// archivedLast compares two records by whether they are archived.
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

// Plan returns one plan with its subscribers, or [billing.ErrPlanNotFound].
func (p Panel) Plan(ctx context.Context, by Operator, id billing.PlanID) (ports.PlanRow, error) {
	if err := by.mayRead(); err != nil {
		return ports.PlanRow{}, err
	}
	if !billing.IsID(string(id)) {
		return ports.PlanRow{}, billing.ErrPlanNotFound
	}
	return p.Views.Catalog.Plan(ctx, id)
}

// SystemRow is a payment system as the panel lists it.
type SystemRow struct {
	billing.PaymentSystem
	HasAdapter bool // an adapter is registered under its code
}

func (p Panel) systemRow(ps billing.PaymentSystem) SystemRow {
	return SystemRow{ps, slices.Contains(p.Adapters, ps.Code)}
}

// RuleNoAdapter is the rule that a new payment system of the panel has an adapter.
// The value of its faults are the codes that have one.
const RuleNoAdapter billing.Rule = "no_adapter"

// CheckNewPaymentSystem returns [billing.ErrInvalid] with all invalid fields of a new
// payment system. A code without an adapter is invalid, because nothing could be
// charged through it. Call it before [Catalog.AddPaymentSystem].
func (p Panel) CheckNewPaymentSystem(by Operator, ps billing.PaymentSystem) error {
	if err := by.mayEdit(); err != nil {
		return err
	}
	var invalid billing.InvalidError
	if found := new(billing.InvalidError); errors.As(ps.Check(), &found) {
		invalid.Faults = found.Faults
	}
	codeInvalid := slices.ContainsFunc(invalid.Faults, func(f billing.Fault) bool { return f.Field == "code" })
	if !codeInvalid && !slices.Contains(p.Adapters, ps.Code) {
		known := strings.Join(p.Adapters, ", ")
		invalid.Faults = append(invalid.Faults, billing.Fault{
			Field: "code", Message: "has no adapter in this version; codes with one: " + known, Rule: RuleNoAdapter, Value: known,
		})
	}
	if invalid.Faults == nil {
		return nil
	}
	return &invalid
}

// PaymentSystems returns all payment systems: available ones first, then by code.
func (p Panel) PaymentSystems(ctx context.Context, by Operator) ([]SystemRow, error) {
	if err := by.mayRead(); err != nil {
		return nil, err
	}
	systems, err := p.Store.Views().PaymentSystems(ctx)
	rows := make([]SystemRow, len(systems))
	for i, ps := range systems {
		rows[i] = p.systemRow(ps)
	}
	slices.SortStableFunc(rows, func(a, b SystemRow) int { return archivedLast(a.ArchivedAt, b.ArchivedAt) })
	return rows, err
}

// PaymentSystem returns one payment system, or
// [billing.ErrPaymentSystemNotFound].
func (p Panel) PaymentSystem(ctx context.Context, by Operator, code string) (SystemRow, error) {
	if err := by.mayRead(); err != nil {
		return SystemRow{}, err
	}
	ps, err := p.Views.Catalog.PaymentSystem(ctx, code)
	return p.systemRow(ps), err
}
