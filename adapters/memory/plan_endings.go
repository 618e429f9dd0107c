package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type planEndings struct{ *tx }

func (r planEndings) Add(_ context.Context, e billing.PlanEnding) error {
	for _, other := range r.planEndings {
		if other.PlanID == e.PlanID && other.StartedAt.Equal(e.StartedAt) {
			return r.abort(billing.ErrAlreadyExists)
		}
	}
	r.planEndings = append(slices.Clip(r.planEndings), e)
	return nil
}

// LockOpen takes no lock, because transactions run one at a time.
func (r planEndings) LockOpen(context.Context) (billing.PlanEnding, billing.Plan, error) {
	for _, e := range r.planEndings {
		if e.DoneAt.IsZero() {
			return e, copyPlan(r.plans[e.PlanID]), nil
		}
	}
	return billing.PlanEnding{}, billing.Plan{}, billing.ErrNotFound
}

func (r planEndings) Next(_ context.Context, e billing.PlanEnding, limit int) ([]ports.SubscriptionKey, error) {
	var list []ports.SubscriptionKey
	for _, s := range r.subscriptions {
		if s.PlanID == e.PlanID && s.Live() && s.UserID > e.After {
			list = append(list, ports.SubscriptionKey{User: s.UserID, ID: s.ID})
		}
	}
	slices.SortFunc(list, func(a, b ports.SubscriptionKey) int { return cmp.Compare(a.User, b.User) })
	return list[:min(limit, len(list))], nil
}

// Save refuses what the trigger of Postgres refuses.
func (r planEndings) Save(_ context.Context, e billing.PlanEnding) error {
	n := slices.IndexFunc(r.planEndings, func(old billing.PlanEnding) bool {
		return old.PlanID == e.PlanID && old.StartedAt.Equal(e.StartedAt) && old.DoneAt.IsZero()
	})
	if n < 0 {
		return r.abort(fmt.Errorf("the ending of plan %s is not open", e.PlanID))
	}
	r.planEndings = slices.Clone(r.planEndings)
	r.planEndings[n] = e
	return nil
}

func (v views) PlanEnding(_ context.Context, id billing.PlanID) (billing.PlanEnding, error) {
	for _, e := range slices.Backward(v.state().planEndings) {
		if e.PlanID == id {
			return e, nil
		}
	}
	return billing.PlanEnding{}, billing.ErrNotFound
}

func (v views) Renewing(_ context.Context, id billing.PlanID) (r ports.Renewing, _ error) {
	for _, s := range v.state().subscriptions {
		if s.PlanID != id || !s.Live() || s.CancelAtPeriodEnd {
			continue
		}
		r.Viewers++
		if end := s.Current.End; r.Viewers == 1 || end.Before(r.FirstEnd) {
			r.FirstEnd = end
		}
		if end := s.Current.End; end.After(r.LastEnd) {
			r.LastEnd = end
		}
	}
	return r, nil
}
