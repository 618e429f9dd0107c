package operators

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// ErrChangedMeanwhile says that what an operator edited is not what they saw any
// more: somebody else was quicker. Nothing was written.
var ErrChangedMeanwhile = &billing.Error{
	Kind: billing.Conflict, Code: "changed_meanwhile",
	Message: "somebody else changed it meanwhile; look at it again and repeat your change",
}

// PriceUnconfirmedError asks whether a price is really to be changed, and says
// for whom it does not change.
type PriceUnconfirmedError struct {
	From, To    billing.Money
	Subscribers int // how many keep the price that they agreed to
}

func (e *PriceUnconfirmedError) Error() string {
	return fmt.Sprintf("the price changes from %s to %s; %d subscribers keep the price they agreed to", e.From, e.To, e.Subscribers)
}

// Unwrap returns [billing.Conflict].
func (e *PriceUnconfirmedError) Unwrap() error { return billing.Conflict }

// PlanEdit is what an operator made of a plan.
type PlanEdit struct {
	Plan      billing.PlanID
	Seen      string        // [SeenPlan] of the plan as the operator saw it
	Price     billing.Money // likewise Code and the rest: as they are to be
	Code      string
	Name      string
	Interval  int
	Features  []string
	Confirmed bool // that the price changes
}

// EditPlan changes a plan. Those who subscribed before keep the price and the
// interval that they agreed to.
//
//	billing.ErrPlanNotFound   there is none
//	billing.ErrInvalid        with all that is wrong
//	billing.ErrAlreadyExists  the code is another plan's
//	ErrChangedMeanwhile       the operator saw another state of it
//	PriceUnconfirmedError     the price changes and that was not confirmed
func (c Catalog) EditPlan(ctx context.Context, e PlanEdit) (billing.Plan, error) {
	return c.changePlan(ctx, string(e.Plan), PlanEdited, func(tx ports.Repos, p billing.Plan) (billing.Plan, error) {
		if SeenPlan(p) != e.Seen {
			return p, ErrChangedMeanwhile
		}
		edited := p
		edited.Code, edited.Name, edited.Price = e.Code, e.Name, e.Price
		edited.IntervalMonths, edited.Features = e.Interval, e.Features
		if SeenPlan(edited) == e.Seen {
			return p, nil
		}
		edited.UpdatedAt = c.Clock.Now()
		if err := edited.Check(); err != nil || edited.Price == p.Price || e.Confirmed {
			return edited, err
		}
		n, err := tx.Plans.Subscribers(ctx, p.ID)
		if err != nil {
			return p, err
		}
		return p, &PriceUnconfirmedError{p.Price, edited.Price, n}
	})
}

// SeenPlan stands for everything that an operator sees of a plan: two states of
// a plan are the same exactly when theirs are.
func SeenPlan(p billing.Plan) string {
	return seen(p.ID, p.Code, p.Name, p.Price.Amount, p.Price.Currency, p.IntervalMonths,
		slices.Concat([]string{}, p.Features), p.ArchivedAt.UnixMicro())
}

// SeenPaymentSystem is [SeenPlan] of a payment system.
func SeenPaymentSystem(ps billing.PaymentSystem) string {
	return seen(ps.Code, ps.Name, ps.ArchivedAt.UnixMicro())
}

func seen(parts ...any) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%#v", parts)))
}

// EditPaymentSystem renames a payment system. Its code stays: it names the
// adapter.
//
//	billing.ErrPaymentSystemNotFound  there is none
//	billing.ErrInvalid                with all that is wrong
//	ErrChangedMeanwhile               the operator saw another state of it
func (c Catalog) EditPaymentSystem(ctx context.Context, code, seen, name string) (billing.PaymentSystem, error) {
	return c.changeSystem(ctx, code, PaymentSystemEdited, func(ps billing.PaymentSystem) (billing.PaymentSystem, error) {
		if SeenPaymentSystem(ps) != seen {
			return ps, ErrChangedMeanwhile
		}
		ps.Name = name
		return ps, ps.Check()
	})
}

// Removal says what became of something that was to be deleted.
type Removal struct {
	Name     string
	Archived bool // it was used, so it is only archived
}

// RemovePlan deletes a plan that nobody ever subscribed to, and archives any
// other: its subscribers keep renewing. [billing.ErrPlanNotFound].
func (c Catalog) RemovePlan(ctx context.Context, id billing.PlanID) (Removal, error) {
	var p billing.Plan
	err := c.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		if p, err = tx.Plans.Lock(ctx, string(id)); err != nil {
			return err
		}
		if err := tx.Plans.Remove(ctx, p.ID); err != nil {
			return err
		}
		return c.audit(ctx, tx, PlanDeleted, p.Code, planFacts(p), nil)
	})
	if errors.Is(err, ports.ErrInUse) {
		// A transaction that was refused something is over, so this is another.
		p, err = c.ArchivePlan(ctx, string(id))
		return Removal{p.Name, true}, err
	}
	return Removal{p.Name, false}, wrap(err, "remove plan %s", id)
}

// RemovePaymentSystem deletes a payment system that nobody ever used, and
// archives any other. [billing.ErrPaymentSystemNotFound].
func (c Catalog) RemovePaymentSystem(ctx context.Context, code string) (Removal, error) {
	var ps billing.PaymentSystem
	err := c.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		if ps, err = tx.PaymentSystems.Lock(ctx, code); err != nil {
			return err
		}
		if err := tx.PaymentSystems.Remove(ctx, code); err != nil {
			return err
		}
		return c.audit(ctx, tx, PaymentSystemDeleted, code, systemFacts(ps), nil)
	})
	if errors.Is(err, ports.ErrInUse) {
		ps, err = c.ArchivePaymentSystem(ctx, code)
		return Removal{ps.Name, true}, err
	}
	return Removal{ps.Name, false}, wrap(err, "remove payment system %s", code)
}
