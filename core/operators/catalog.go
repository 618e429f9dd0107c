package operators

import (
	"cmp"
	"context"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Catalog manages plans and payment systems for one operator. Each change is
// audited in its own transaction. A method that changes something returns
// [ErrForbidden] unless the operator is an editor.
type Catalog struct {
	Store ports.Store
	Clock ports.Clock
	NewID func() string
	By    Operator // required for changes
}

// For returns the same catalogue for another operator.
func (c Catalog) For(by Operator) Catalog {
	c.By = by
	return c
}

// Plans returns all plans, including archived ones, by code.
func (c Catalog) Plans(ctx context.Context) ([]billing.Plan, error) {
	return c.Store.Views().Plans(ctx)
}

// Plan returns the plan with this code or id, or [billing.ErrPlanNotFound].
func (c Catalog) Plan(ctx context.Context, ref string) (billing.Plan, error) {
	p, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) (billing.Plan, error) { return tx.Plans.Lock(ctx, ref) })
	return p, wrap(err, "read plan %s", ref)
}

// AddPlan adds a plan and returns it with its new id and times. A plan without a group
// gets [billing.DefaultGroup], one without a VAT [billing.NoVAT]. AddPlan returns
// [billing.ErrInvalid] with all invalid fields, or [billing.ErrAlreadyExists] if another plan
// has the code.
func (c Catalog) AddPlan(ctx context.Context, p billing.Plan) (billing.Plan, error) {
	now := c.Clock.Now()
	p.ID, p.CreatedAt, p.UpdatedAt = billing.PlanID(c.NewID()), now, now
	p.Group, p.VAT = cmp.Or(p.Group, billing.DefaultGroup), cmp.Or(p.VAT, billing.NoVAT)
	if err := cmp.Or(c.By.mayEdit(), p.Check()); err != nil {
		return billing.Plan{}, err
	}
	err := c.change(ctx, func(tx ports.Repos) error {
		if err := tx.Plans.Add(ctx, p); err != nil {
			return err
		}
		return c.audit(ctx, tx, PlanAdded, p.Code, nil, planFacts(p))
	})
	return p, wrap(err, "add plan %s", p.Code)
}

// SetPrice sets the price of a plan for new subscriptions. Existing subscriptions
// keep the agreed price. ref is the plan's code or id. It returns
// [billing.ErrPlanNotFound] or [billing.ErrInvalid].
func (c Catalog) SetPrice(ctx context.Context, ref string, price billing.Money) (billing.Plan, error) {
	return c.changePlan(ctx, ref, PlanEdited, func(_ ports.Repos, p billing.Plan) (billing.Plan, error) {
		return p.Reprice(price, c.Clock.Now())
	})
}

// SetVAT sets the rate of value-added tax on the receipts of new payments for a plan. ref is
// the plan's code or id. It returns [billing.ErrPlanNotFound] or [billing.ErrInvalid].
func (c Catalog) SetVAT(ctx context.Context, ref string, v billing.VAT) (billing.Plan, error) {
	return c.changePlan(ctx, ref, PlanEdited, func(_ ports.Repos, p billing.Plan) (billing.Plan, error) {
		return p.Tax(v, c.Clock.Now())
	})
}

// ArchivePlan takes a plan off sale. Its subscriptions keep renewing. It returns
// [billing.ErrPlanNotFound] if no plan has this code or id.
func (c Catalog) ArchivePlan(ctx context.Context, ref string) (billing.Plan, error) {
	return c.changePlan(ctx, ref, PlanArchived, func(_ ports.Repos, p billing.Plan) (billing.Plan, error) {
		return p.Archive(c.Clock.Now()), nil
	})
}

// RestorePlan puts an archived plan back on sale, with the price that it had, and stops its
// end: see [billing.Plan.Restore]. It returns
// [billing.ErrPlanNotFound] if no plan has this code or id.
func (c Catalog) RestorePlan(ctx context.Context, ref string) (billing.Plan, error) {
	return c.changePlan(ctx, ref, PlanRestored, func(_ ports.Repos, p billing.Plan) (billing.Plan, error) {
		return p.Restore(c.Clock.Now()), nil
	})
}

// changePlan locks a plan, saves the result of f and audits the difference.
func (c Catalog) changePlan(
	ctx context.Context, ref, action string, f func(ports.Repos, billing.Plan) (billing.Plan, error),
) (p billing.Plan, err error) {
	err = c.change(ctx, func(tx ports.Repos) (err error) {
		p, err = c.savePlan(ctx, tx, ref, action, f)
		return err
	})
	return p, wrap(err, "change plan %s", ref)
}

// savePlan is changePlan in a transaction that is open.
func (c Catalog) savePlan(
	ctx context.Context, tx ports.Repos, ref, action string, f func(ports.Repos, billing.Plan) (billing.Plan, error),
) (billing.Plan, error) {
	before, err := tx.Plans.Lock(ctx, ref)
	if err != nil {
		return billing.Plan{}, err
	}
	p, err := f(tx, before)
	if err != nil {
		return p, err
	}
	if err := tx.Plans.Save(ctx, p); err != nil {
		return p, err
	}
	return p, c.auditChange(ctx, tx, action, p.Code, planFacts(before), planFacts(p))
}

// PaymentSystems returns all payment systems, including archived ones, by code.
func (c Catalog) PaymentSystems(ctx context.Context) ([]billing.PaymentSystem, error) {
	return c.Store.Views().PaymentSystems(ctx)
}

// AddPaymentSystem adds a payment system and returns it with its time. It returns
// [billing.ErrInvalid] with all invalid fields, or [billing.ErrAlreadyExists] if
// the code is taken.
func (c Catalog) AddPaymentSystem(ctx context.Context, ps billing.PaymentSystem) (billing.PaymentSystem, error) {
	ps.CreatedAt = c.Clock.Now()
	if err := cmp.Or(c.By.mayEdit(), ps.Check()); err != nil {
		return billing.PaymentSystem{}, err
	}
	err := c.change(ctx, func(tx ports.Repos) error {
		if err := tx.PaymentSystems.Add(ctx, ps); err != nil {
			return err
		}
		return c.audit(ctx, tx, PaymentSystemAdded, ps.Code, nil, systemFacts(ps))
	})
	return ps, wrap(err, "add payment system %s", ps.Code)
}

// ArchivePaymentSystem closes a payment system for new subscriptions. Existing
// ones keep renewing. It returns [billing.ErrPaymentSystemNotFound] if no payment
// system has this code.
func (c Catalog) ArchivePaymentSystem(ctx context.Context, code string) (billing.PaymentSystem, error) {
	return c.changeSystem(ctx, code, PaymentSystemArchived, func(ps billing.PaymentSystem) (billing.PaymentSystem, error) {
		return ps.Archive(c.Clock.Now()), nil
	})
}

// RestorePaymentSystem opens an archived payment system for new subscriptions. It returns
// [billing.ErrPaymentSystemNotFound] if no payment system has this code.
func (c Catalog) RestorePaymentSystem(ctx context.Context, code string) (billing.PaymentSystem, error) {
	return c.changeSystem(ctx, code, PaymentSystemRestored, func(ps billing.PaymentSystem) (billing.PaymentSystem, error) {
		return ps.Restore(), nil
	})
}

// changeSystem is changePlan for a payment system.
func (c Catalog) changeSystem(
	ctx context.Context, code, action string, f func(billing.PaymentSystem) (billing.PaymentSystem, error),
) (ps billing.PaymentSystem, err error) {
	err = c.change(ctx, func(tx ports.Repos) error {
		before, err := tx.PaymentSystems.Lock(ctx, code)
		if err != nil {
			return err
		}
		if ps, err = f(before); err != nil {
			return err
		}
		if err := tx.PaymentSystems.Save(ctx, ps); err != nil {
			return err
		}
		return c.auditChange(ctx, tx, action, ps.Code, systemFacts(before), systemFacts(ps))
	})
	return ps, wrap(err, "change payment system %s", code)
}

// change runs f in a transaction if the operator is an editor.
func (c Catalog) change(ctx context.Context, f func(ports.Repos) error) error {
	if err := c.By.mayEdit(); err != nil {
		return err
	}
	return c.Store.InTx(ctx, f)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
