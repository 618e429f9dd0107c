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

// ErrChangedMeanwhile is returned if a record changed after the operator opened
// it for editing. Nothing was written.
var ErrChangedMeanwhile = &billing.Error{
	Kind: billing.Conflict, Code: "changed_meanwhile",
	Message: "another operator changed the record first; open it again and repeat your change",
}

// PriceUnconfirmedError is returned if an edit changes the price or the interval of
// a plan and the operator has not confirmed that.
type PriceUnconfirmedError struct {
	From, To             billing.Money
	FromMonths, ToMonths int // the interval
	Subscribers          int // subscriptions that keep the agreed price
}

func (e *PriceUnconfirmedError) Error() string {
	return fmt.Sprintf("the price changes from %s per %d months to %s per %d months; %d subscribers keep the price they agreed to",
		e.From, e.FromMonths, e.To, e.ToMonths, e.Subscribers)
}

// Unwrap returns [billing.Conflict].
func (e *PriceUnconfirmedError) Unwrap() error { return billing.Conflict }

// PlanEdit is an operator's edit of a plan. All of the plan's fields get the
// values of the edit.
type PlanEdit struct {
	Plan      billing.PlanID
	Seen      string // [SeenPlan] of the plan that the operator opened
	Price     billing.Money
	Code      string
	Name      string
	Interval  int // in months
	Features  []string
	VAT       billing.VAT
	Confirmed bool // the operator confirmed the change of the price and of the interval
}

// EditPlan changes a plan. Existing subscriptions keep the agreed price and
// interval. The errors are:
//
//	billing.ErrPlanNotFound   the plan does not exist
//	billing.ErrInvalid        some fields are invalid, or the interval changes although
//	                          the plan has subscribers; it lists all such fields
//	billing.ErrAlreadyExists  another plan has the code
//	ErrChangedMeanwhile       the plan changed after the operator opened it
//	PriceUnconfirmedError     the price or the interval changes and Confirmed is false
func (c Catalog) EditPlan(ctx context.Context, e PlanEdit) (billing.Plan, error) {
	return c.changePlan(ctx, string(e.Plan), PlanEdited, func(tx ports.Repos, p billing.Plan) (billing.Plan, error) {
		if SeenPlan(p) != e.Seen {
			return p, ErrChangedMeanwhile
		}
		n, err := tx.Plans.Subscribers(ctx, p.ID)
		if err != nil {
			return p, err
		}
		edited, err := p.Edit(e.plan(), n, c.Clock.Now())
		switch {
		case SeenPlan(edited) == e.Seen:
			return p, nil
		case err != nil:
			return p, err
		case e.Confirmed, edited.Price == p.Price && edited.IntervalMonths == p.IntervalMonths:
			return edited, nil
		default:
			return p, &PriceUnconfirmedError{p.Price, edited.Price, p.IntervalMonths, edited.IntervalMonths, n}
		}
	})
}

// plan returns the fields that the edit gives to the plan.
func (e PlanEdit) plan() billing.Plan {
	return billing.Plan{Code: e.Code, Name: e.Name, Price: e.Price, IntervalMonths: e.Interval, Features: e.Features, VAT: e.VAT}
}

// SeenPlan returns a fingerprint of the fields of a plan that the panel can change.
// Two states of a plan have the same fingerprint only if all these fields are
// equal.
func SeenPlan(p billing.Plan) string {
	return seen(p.ID, p.Code, p.Name, p.Price.Amount, p.Price.Currency, p.IntervalMonths,
		slices.Concat([]string{}, p.Features), p.VAT, p.ArchivedAt.UnixMicro(), p.EndingAt.UnixMicro())
}

// SeenPaymentSystem is [SeenPlan] for a payment system.
func SeenPaymentSystem(ps billing.PaymentSystem) string {
	return seen(ps.Code, ps.Name, ps.ArchivedAt.UnixMicro())
}

func seen(fields ...any) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%#v", fields)))
}

// EditPaymentSystem renames a payment system. Its code selects the adapter and
// cannot change. seen is [SeenPaymentSystem] of the record that the operator
// opened. The errors are:
//
//	billing.ErrPaymentSystemNotFound  the payment system does not exist
//	billing.ErrInvalid                the name is invalid
//	ErrChangedMeanwhile               the record changed after the operator opened it
func (c Catalog) EditPaymentSystem(ctx context.Context, code, seen, name string) (billing.PaymentSystem, error) {
	return c.changeSystem(ctx, code, PaymentSystemEdited, func(ps billing.PaymentSystem) (billing.PaymentSystem, error) {
		if SeenPaymentSystem(ps) != seen {
			return ps, ErrChangedMeanwhile
		}
		ps.Name = name
		return ps, ps.Check()
	})
}

// Removal is the result of deleting a record.
type Removal struct {
	Name     string
	Archived bool // the record is in use, so it was archived instead
}

// RemovePlan deletes a plan that never had a subscription. It archives any other
// plan, whose subscriptions keep renewing. It returns [billing.ErrPlanNotFound] if
// the plan does not exist.
func (c Catalog) RemovePlan(ctx context.Context, id billing.PlanID) (Removal, error) {
	var p billing.Plan
	err := c.change(ctx, func(tx ports.Repos) (err error) {
		if p, err = tx.Plans.Lock(ctx, string(id)); err != nil {
			return err
		}
		if err := tx.Plans.Remove(ctx, p.ID); err != nil {
			return err
		}
		return c.audit(ctx, tx, PlanDeleted, p.Code, planFacts(p), nil)
	})
	if errors.Is(err, ports.ErrInUse) {
		// The error has ended the transaction, so archiving needs its own.
		p, err = c.ArchivePlan(ctx, string(id))
		return Removal{p.Name, true}, err
	}
	return Removal{p.Name, false}, wrap(err, "remove plan %s", id)
}

// RemovePaymentSystem deletes a payment system that was never used. It archives
// any other payment system. It returns [billing.ErrPaymentSystemNotFound] if the
// payment system does not exist.
func (c Catalog) RemovePaymentSystem(ctx context.Context, code string) (Removal, error) {
	var ps billing.PaymentSystem
	err := c.change(ctx, func(tx ports.Repos) (err error) {
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
