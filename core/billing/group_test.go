package billing_test

import (
	"errors"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestPlan_Regroup(t *testing.T) {
	t.Parallel()
	moved, err := basicPlan().Regroup("sport", day(1))
	want := basicPlan()
	want.Group, want.UpdatedAt = "sport", day(1)
	expectSame(t, moved, want)
	if err != nil {
		t.Error(err)
	}
	same, err := basicPlan().Regroup(billing.DefaultGroup, day(1))
	expectSame(t, same, basicPlan())
	if err != nil {
		t.Error(err)
	}
	old := basicPlan()
	old.Name = "\u200b" // allowed by an earlier version
	if _, err := old.Regroup("sport", day(1)); err != nil {
		t.Error(err)
	}
	_, err = basicPlan().Regroup("Sport", day(1))
	expectFaults(t, err, "group")
	edited, err := moved.Edit(basicPlan(), 0, day(2))
	if err != nil || edited.Group != "sport" {
		t.Errorf("an edit gives group %q, error %v; want the same group", edited.Group, err)
	}
}

// premium returns a subscription to another plan than basicPlan.
func premium(t *testing.T, status billing.Status, cancelled bool) billing.Subscription {
	t.Helper()
	s := subscription(t, status, cancelled)
	s.ID, s.PlanID, s.PlanCode = "sub-2", "plan-2", "premium"
	return s
}

func TestPlan_RefuseOrder(t *testing.T) {
	t.Parallel()
	live, ended := billing.StatusActive, billing.StatusEnded
	archived := basicPlan().Archive(day(1))
	tests := []struct {
		name string
		plan billing.Plan
		subs []billing.Subscription
		want error
	}{
		{"nothing", basicPlan(), nil, nil},
		{"both ended", basicPlan(), []billing.Subscription{subscription(t, ended, false), premium(t, ended, false)}, nil},
		{"the same plan", basicPlan(), []billing.Subscription{subscription(t, live, false)}, billing.ErrAlreadySubscribed},
		{"another plan", basicPlan(), []billing.Subscription{premium(t, live, false)}, billing.ErrPlanGroupTaken},
		{"another plan, and the same plan has ended", basicPlan(), []billing.Subscription{subscription(t, ended, false), premium(t, live, false)}, billing.ErrPlanGroupTaken},
		{"another plan, then the same plan", basicPlan(), []billing.Subscription{premium(t, live, false), subscription(t, live, false)}, billing.ErrAlreadySubscribed},
		{"another plan, but the plan is no longer sold", archived, []billing.Subscription{premium(t, live, false)}, nil},
		{"the same plan, which is no longer sold", archived, []billing.Subscription{subscription(t, live, false)}, billing.ErrAlreadySubscribed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := tt.plan.RefuseOrder(tt.subs...); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestPlanGroupTakenError_NamesNextStep(t *testing.T) {
	t.Parallel()
	charging := premium(t, billing.StatusActive, true)
	charging.Charging = true
	const cancel = `cancel it with POST /v1/subscriptions/premium/cancel and "at": "now"`
	tests := []struct {
		name string
		live billing.Subscription
		want string
	}{
		{"incomplete", premium(t, billing.StatusIncomplete, false), "has a payment that is being settled; in a moment, " + cancel},
		{"active", premium(t, billing.StatusActive, false), "is live; " + cancel + ", or cancel it at the period's end and subscribe after 2026-04-01T12:00:00Z"},
		{"cancelled", premium(t, billing.StatusActive, true), "is cancelled but runs until 2026-04-01T12:00:00Z; subscribe then, or " + cancel},
		{"cancelled and charging", charging, "has a payment that is being settled; in a moment, " + cancel},
		{"past due", premium(t, billing.StatusPastDue, false), "is past due; " + cancel},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := basicPlan().RefuseOrder(tt.live)
			taken, ok := errors.AsType[*billing.PlanGroupTakenError](err)
			if !ok || taken.Live.ID != "sub-2" || !errors.Is(err, billing.Conflict) {
				t.Fatalf("got %+v, want a conflict with sub-2", err)
			}
			expectText(t, err, "plans basic and premium are in the same group, and a viewer can have one of them at a time; "+
				"the subscription to plan premium "+tt.want)
		})
	}
}
