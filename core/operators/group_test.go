package operators_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// subscribe subscribes a viewer to a plan.
func (w world) subscribe(user billing.UserID, plan string) error {
	cmd := billingtest.SubscribeBasic()
	cmd.User, cmd.Plan = user, plan
	_, err := w.Process().Subscribe(w.T.Context(), cmd)
	return err
}

func TestSetGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddPlanTo("basic", "plus")
	for i := range 3 {
		billingtest.ExpectError(t, w.subscribe(billing.UserID(fmt.Sprint("viewer-", i)), "basic"), nil)
	}
	billingtest.ExpectError(t, w.subscribe("viewer-0", "plus"), billing.ErrPlanGroupTaken)
	c := w.edited()
	c.Store = changedStore{w.Store, func(tx *ports.Repos) { tx.PlanGroups = oneByOne{tx.PlanGroups} }}
	for range 2 { // the second call changes nothing
		p, err := c.SetGroup(t.Context(), "basic", "old")
		if err != nil || p.Group != "old" || p.Code != "basic" {
			t.Errorf("moved %+v, %v", p, err)
		}
	}
	if diff := cmp.Diff([]string{"anna 192.0.2.7 plan.edit basic"}, w.actions()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	last := w.Store.Audit()[len(w.Store.Audit())-1]
	if last.Before["group"] != "basic" || last.After["group"] != "old" {
		t.Errorf("audited %v → %v", last.Before, last.After)
	}
	for i := range 3 {
		billingtest.ExpectError(t, w.subscribe(billing.UserID(fmt.Sprint("viewer-", i)), "plus"), nil)
	}
	w.AddPlanTo("old", "new")
	billingtest.ExpectError(t, w.subscribe("viewer-1", "new"), billing.ErrPlanGroupTaken)
}

func TestSetGroup_NamesConflicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddPlan("plus")
	for i := range 5 {
		user := billing.UserID(fmt.Sprint("viewer-", i))
		billingtest.ExpectError(t, errors.Join(w.subscribe(user, "basic"), w.subscribe(user, "plus")), nil)
	}
	before, err := w.Catalog().Plan(t.Context(), "plus")
	billingtest.ExpectError(t, err, nil)
	_, err = w.edited().SetGroup(t.Context(), "plus", "basic")
	var conflict *operators.GroupConflictError
	if !errors.As(err, &conflict) || conflict.Viewers != 5 || len(conflict.First) != 3 || !errors.Is(err, billing.Conflict) {
		t.Fatalf("got error %v", err)
	}
	for _, want := range []string{"plan plus", "group basic: 5; ", "viewer viewer-0 has " + string(conflict.First[0].ID) + " to plan plus and " +
		string(conflict.First[0].Other) + " to plan basic; viewer viewer-1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in it", err, want)
		}
	}
	after, err := w.Catalog().Plan(t.Context(), "plus")
	if diff := cmp.Diff(before, after); err != nil || diff != "" {
		t.Errorf("the plan after the error, %v (-want +got):\n%s", err, diff)
	}
	if got := w.actions(); len(got) > 0 {
		t.Errorf("audited %v", got)
	}
}

func TestSetGroup_Errors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		plan, group string
		by          operators.Operator
		want        error
	}{
		"unknown plan":  {"gold", "sport", editor, billing.ErrPlanNotFound},
		"invalid group": {"basic", "Sport", editor, billing.ErrInvalid},
		"no group":      {"basic", "", editor, billing.ErrInvalid},
		"reader":        {"basic", "sport", reader, operators.ErrForbidden},
	} {
		_, err := w.Catalog().For(test.by).SetGroup(t.Context(), test.plan, test.group)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got error %v, want %v", name, err, test.want)
		}
	}
}

// oneByOne relabels one subscription a transaction.
type oneByOne struct{ ports.PlanGroups }

func (g oneByOne) Relabel(ctx context.Context, id billing.PlanID, after billing.UserID, _ int) (billing.UserID, error) {
	return g.PlanGroups.Relabel(ctx, id, after, 1)
}

// interrupted fails once the group of the plan is changed, before it is stored with the
// subscriptions.
type interrupted struct{ ports.PlanGroups }

func (interrupted) Relabel(context.Context, billing.PlanID, billing.UserID, int) (billing.UserID, error) {
	return "", billing.ErrUnavailable
}

func TestSetGroup_RepeatedAfterInterruption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddPlanTo("basic", "plus")
	billingtest.ExpectError(t, w.subscribe("viewer", "basic"), nil)
	c := w.edited()
	c.Store = changedStore{w.Store, func(tx *ports.Repos) { tx.PlanGroups = interrupted{tx.PlanGroups} }}
	if _, err := c.SetGroup(t.Context(), "basic", "old"); !errors.Is(err, billing.ErrUnavailable) || !strings.Contains(err.Error(), "repeat the command") {
		t.Errorf("got error %v", err)
	}
	billingtest.ExpectError(t, w.subscribe("viewer", "plus"), billing.ErrPlanGroupTaken)
	_, err := w.edited().SetGroup(t.Context(), "basic", "old")
	billingtest.ExpectError(t, err, nil)
	billingtest.ExpectError(t, w.subscribe("viewer", "plus"), nil)
}
