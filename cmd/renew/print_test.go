package main

import (
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/renewals"
)

func TestPlanned_ReasonOfEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		decision renewals.Decision
		want     string
	}{
		"plan ended":     {renewals.Decision{Subscription: billing.Subscription{MethodID: "m", PlanEnding: true}}, "plan_ended"},
		"cancelled":      {renewals.Decision{Subscription: billing.Subscription{MethodID: "m", PlanEnding: true, CancelAtPeriodEnd: true}}, "cancelled"},
		"given":          {renewals.Decision{Subscription: billing.Subscription{PlanEnding: true, CancelAtPeriodEnd: true}}, "given"},
		"method removed": {renewals.Decision{Subscription: billing.Subscription{MethodID: "m"}, MethodRetired: billing.MethodRemoved}, "payment_method_removed"},
	} {
		if got := toPlanned(c.decision); got.Action != "end" || got.Reason != c.want {
			t.Errorf("%s: %s, because of %s; want end, %s", name, got.Action, got.Reason, c.want)
		}
	}
}
