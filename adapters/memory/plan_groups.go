package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type planGroups struct{ *tx }

// Lock takes no lock, because transactions run one at a time.
func (planGroups) Lock(context.Context) error { return nil }

func (r planGroups) Conflicts(_ context.Context, id billing.PlanID, group string, limit int) (int, []ports.GroupConflict, error) {
	var all []ports.GroupConflict
	for _, sub := range r.livePlan(id) {
		for _, other := range r.liveIn(sub.UserID, group) {
			if other.PlanID != id {
				all = append(all, ports.GroupConflict{User: sub.UserID, ID: sub.ID, Other: other.ID, OtherPlan: other.PlanCode})
				break
			}
		}
	}
	return len(all), all[:min(len(all), limit)], nil
}

func (r planGroups) Relabel(_ context.Context, id billing.PlanID, after billing.UserID, limit int) (last billing.UserID, err error) {
	for _, sub := range r.livePlan(id) {
		if sub.UserID <= after || limit == 0 {
			continue
		}
		if err := subscriptions(r).put(sub); err != nil {
			return "", err
		}
		last, limit = sub.UserID, limit-1
	}
	return last, nil
}

// livePlan returns the live subscriptions of a plan, with its current group, by user.
func (s *state) livePlan(id billing.PlanID) (live []billing.Subscription) {
	for _, sub := range s.subscriptions {
		if sub.PlanID == id && sub.Live() {
			live = append(live, s.withPlan(sub))
		}
	}
	slices.SortFunc(live, func(a, b billing.Subscription) int { return cmp.Compare(a.UserID, b.UserID) })
	return live
}
