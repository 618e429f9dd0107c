package operators

import (
	"context"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Catalog is where operators keep plans and payment systems. Every change is
// audited in its own transaction. A Catalog asks nobody for a role: whoever
// holds one may use it. What people do at the panel goes through [Panel].
type Catalog struct {
	Store ports.Store
	Clock ports.Clock
	NewID func() string
	By    Operator // for whom it works; [Shell] unless set
}

// AddPlan adds a plan; its id and times are set here. [billing.ErrInvalid] with
// all that is wrong; [billing.ErrAlreadyExists] when the code is taken.
func (c Catalog) AddPlan(ctx context.Context, p billing.Plan) (billing.Plan, error) {
	now := c.Clock.Now()
	p.ID, p.CreatedAt, p.UpdatedAt = billing.PlanID(c.NewID()), now, now
	if err := p.Check(); err != nil {
		return billing.Plan{}, err
	}
	err := c.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := tx.Plans.Add(ctx, p); err != nil {
			return err
		}
		return c.audit(ctx, tx, PlanAdded, p.Code, nil, planFacts(p))
	})
	return p, wrap(err, "add plan %s", p.Code)
}

// SetPrice changes what a plan costs from now on. Those who subscribed before
// keep the price they agreed to. [billing.ErrPlanNotFound], [billing.ErrInvalid].
func (c Catalog) SetPrice(ctx context.Context, ref string, price billing.Money) (billing.Plan, error) {
	return c.changePlan(ctx, ref, PlanEdited, func(_ ports.Repos, p billing.Plan) (billing.Plan, error) {
		return p.Reprice(price, c.Clock.Now())
	})
}

// ArchivePlan takes a plan off sale. Its subscribers keep renewing.
// [billing.ErrPlanNotFound].
func (c Catalog) ArchivePlan(ctx context.Context, ref string) (billing.Plan, error) {
	return c.changePlan(ctx, ref, PlanArchived, func(_ ports.Repos, p billing.Plan) (billing.Plan, error) {
		return p.Archive(c.Clock.Now()), nil
	})
}

func (c Catalog) changePlan(
	ctx context.Context, ref, action string, f func(ports.Repos, billing.Plan) (billing.Plan, error),
) (p billing.Plan, err error) {
	err = c.Store.InTx(ctx, func(tx ports.Repos) error {
		before, err := tx.Plans.Lock(ctx, ref)
		if err != nil {
			return err
		}
		if p, err = f(tx, before); err != nil {
			return err
		}
		if err := tx.Plans.Save(ctx, p); err != nil {
			return err
		}
		return c.auditChange(ctx, tx, action, p.Code, planFacts(before), planFacts(p))
	})
	return p, wrap(err, "change plan %s", ref)
}

// Plans lists all plans, archived ones too, by code.
func (c Catalog) Plans(ctx context.Context) ([]billing.Plan, error) {
	return c.Store.Views().Plans(ctx)
}

// AddPaymentSystem adds a payment system; its time is set here.
// [billing.ErrInvalid] with all that is wrong; [billing.ErrAlreadyExists] when
// the code is taken.
func (c Catalog) AddPaymentSystem(ctx context.Context, ps billing.PaymentSystem) (billing.PaymentSystem, error) {
	ps.CreatedAt = c.Clock.Now()
	if err := ps.Check(); err != nil {
		return billing.PaymentSystem{}, err
	}
	err := c.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := tx.PaymentSystems.Add(ctx, ps); err != nil {
			return err
		}
		return c.audit(ctx, tx, PaymentSystemAdded, ps.Code, nil, systemFacts(ps))
	})
	return ps, wrap(err, "add payment system %s", ps.Code)
}

// ArchivePaymentSystem closes a payment system for new subscriptions. Those
// that use it keep renewing. [billing.ErrPaymentSystemNotFound].
func (c Catalog) ArchivePaymentSystem(ctx context.Context, code string) (billing.PaymentSystem, error) {
	return c.changeSystem(ctx, code, PaymentSystemArchived, func(ps billing.PaymentSystem) (billing.PaymentSystem, error) {
		return ps.Archive(c.Clock.Now()), nil
	})
}

func (c Catalog) changeSystem(
	ctx context.Context, code, action string, f func(billing.PaymentSystem) (billing.PaymentSystem, error),
) (ps billing.PaymentSystem, err error) {
	err = c.Store.InTx(ctx, func(tx ports.Repos) error {
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

// PaymentSystems lists all payment systems, archived ones too, by code.
func (c Catalog) PaymentSystems(ctx context.Context) ([]billing.PaymentSystem, error) {
	return c.Store.Views().PaymentSystems(ctx)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
