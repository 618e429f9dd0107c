package app

import (
	"context"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
)

// Catalog is where operators keep plans and payment systems.
type Catalog struct {
	Store Store
	Clock Clock
	NewID func() string
}

// AddPlan adds a plan; its id and times are set here. [billing.ErrInvalid] with
// all that is wrong; [billing.ErrAlreadyExists] when the code is taken.
func (c Catalog) AddPlan(ctx context.Context, p billing.Plan) (billing.Plan, error) {
	now := c.Clock.Now()
	p.ID, p.CreatedAt, p.UpdatedAt = billing.PlanID(c.NewID()), now, now
	if err := p.Check(); err != nil {
		return billing.Plan{}, err
	}
	err := c.Store.InTx(ctx, func(tx Repos) error { return tx.Plans.Add(ctx, p) })
	return p, wrap(err, "add plan %s", p.Code)
}

// SetPrice changes what a plan costs from now on. Those who subscribed before
// keep the price they agreed to. [billing.ErrPlanNotFound], [billing.ErrInvalid].
func (c Catalog) SetPrice(ctx context.Context, ref string, price billing.Money) (billing.Plan, error) {
	return c.changePlan(ctx, ref, func(p billing.Plan) (billing.Plan, error) {
		return p.Reprice(price, c.Clock.Now())
	})
}

// ArchivePlan takes a plan off sale. Its subscribers keep renewing.
// [billing.ErrPlanNotFound].
func (c Catalog) ArchivePlan(ctx context.Context, ref string) (billing.Plan, error) {
	return c.changePlan(ctx, ref, func(p billing.Plan) (billing.Plan, error) {
		return p.Archive(c.Clock.Now()), nil
	})
}

func (c Catalog) changePlan(ctx context.Context, ref string, f func(billing.Plan) (billing.Plan, error)) (p billing.Plan, err error) {
	err = c.Store.InTx(ctx, func(tx Repos) error {
		if p, err = tx.Plans.Lock(ctx, ref); err != nil {
			return err
		}
		if p, err = f(p); err != nil {
			return err
		}
		return tx.Plans.Save(ctx, p)
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
	err := c.Store.InTx(ctx, func(tx Repos) error { return tx.PaymentSystems.Add(ctx, ps) })
	return ps, wrap(err, "add payment system %s", ps.Code)
}

// ArchivePaymentSystem closes a payment system for new subscriptions. Those
// that use it keep renewing. [billing.ErrPaymentSystemNotFound].
func (c Catalog) ArchivePaymentSystem(ctx context.Context, code string) (ps billing.PaymentSystem, err error) {
	err = c.Store.InTx(ctx, func(tx Repos) error {
		if ps, err = tx.PaymentSystems.Find(ctx, code); err != nil {
			return err
		}
		ps = ps.Archive(c.Clock.Now())
		return tx.PaymentSystems.Save(ctx, ps)
	})
	return ps, wrap(err, "archive payment system %s", code)
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
