package operators

import (
	"context"
	"fmt"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const (
	shownConflicts = 3    // viewers that a GroupConflictError names
	relabelBatch   = 1000 // subscriptions whose group is stored in one transaction
)

// GroupConflictError is returned if a plan cannot move to a group, because viewers would
// then have two live subscriptions in it. Nothing was changed.
type GroupConflictError struct {
	Plan, Group string // the plan's code, and the group
	Viewers     int
	First       []ports.GroupConflict // of the first viewers
}

func (e *GroupConflictError) Error() string {
	var first strings.Builder
	for _, c := range e.First {
		fmt.Fprintf(&first, "; viewer %s has %s to plan %s and %s to plan %s", c.User, c.ID, e.Plan, c.Other, c.OtherPlan)
	}
	return fmt.Sprintf("viewers with live subscriptions to plan %s and to another plan of group %s: %d%s; "+
		"a viewer can have one of a group: let one of each pair end first, or choose another group (a cancelled one that is over ends with the next renewal run)",
		e.Plan, e.Group, e.Viewers, first.String())
}

// Unwrap returns [billing.Conflict].
func (e *GroupConflictError) Unwrap() error { return billing.Conflict }

// SetGroup moves a plan to another group, while orders wait. Then it stores the group
// with the plan's live subscriptions, in many transactions. ref is the plan's code or id.
//
// Orders follow the plan's group at once. The unique index follows the group of the
// subscription: until that is stored, it refuses other plans of the old group to
// subscribers of this plan. After an interruption, call SetGroup again. The errors are:
//
//	billing.ErrPlanNotFound    the plan does not exist
//	billing.ErrInvalid         the group is invalid
//	GroupConflictError         viewers would have two live subscriptions in the group
//	billing.ErrPlanGroupTaken  another plan's move out of the group was interrupted
func (c Catalog) SetGroup(ctx context.Context, ref, group string) (p billing.Plan, err error) {
	err = c.change(ctx, func(tx ports.Repos) (err error) {
		if err := tx.PlanGroups.Lock(ctx); err != nil {
			return err
		}
		p, err = c.savePlan(ctx, tx, ref, PlanEdited, func(tx ports.Repos, p billing.Plan) (billing.Plan, error) {
			return c.regroup(ctx, tx, p, group)
		})
		return err
	})
	if err != nil {
		return p, wrap(err, "change plan %s", ref)
	}
	return p, wrap(c.relabel(ctx, p), "store group %s with the subscriptions of plan %s; repeat the command", group, p.Code)
}

// regroup returns the plan in the group, or a [GroupConflictError].
func (c Catalog) regroup(ctx context.Context, tx ports.Repos, p billing.Plan, group string) (billing.Plan, error) {
	p, err := p.Regroup(group, c.Clock.Now())
	if err != nil {
		return p, err
	}
	n, first, err := tx.PlanGroups.Conflicts(ctx, p.ID, group, shownConflicts)
	if err == nil && n > 0 {
		err = &GroupConflictError{Plan: p.Code, Group: group, Viewers: n, First: first}
	}
	return p, err
}

// relabel stores the plan's group with its live subscriptions, in transactions of its
// own, so that each row is locked for a short time.
func (c Catalog) relabel(ctx context.Context, p billing.Plan) error {
	var last billing.UserID
	for {
		next, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) (billing.UserID, error) {
			return tx.PlanGroups.Relabel(ctx, p.ID, last, relabelBatch)
		})
		if err != nil || next == "" {
			return err
		}
		last = next
	}
}
