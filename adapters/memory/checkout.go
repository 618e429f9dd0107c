package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type checkout struct{ *tx }

func (r checkout) Take(_ context.Context, queries ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	for _, o := range queries {
		if o.Request == nil {
			continue
		}
		if err := r.claim(*o.Request, o.Subscription); err != nil {
			return nil, err
		}
	}
	all := make([]ports.CheckoutFacts, len(queries))
	for i, o := range queries {
		if plan, ok := r.plan(o.Plan); ok {
			all[i].Plan, all[i].Live, all[i].Version = &plan, r.liveIn(o.User, plan.Group), r.version
		}
		if ps, ok := r.systems[o.PaymentSystem]; ok {
			all[i].PaymentSystem = &ps
		}
		all[i].Method = r.methodWith(o.User, o.PaymentSystem, o.Token)
		all[i].Declined = !o.DeclinedSince.IsZero() && len(r.declined(o.User, o.DeclinedSince, 1)) > 0
	}
	return all, nil
}

// liveIn returns the user's live subscriptions to plans that are in the group now.
func (s *state) liveIn(user billing.UserID, group string) (live []billing.Subscription) {
	for _, sub := range s.subscriptions {
		if sub.UserID == user && sub.Live() && s.plans[sub.PlanID].Group == group {
			live = append(live, s.withPlan(sub))
		}
	}
	slices.SortFunc(live, func(a, b billing.Subscription) int { return cmp.Compare(a.ID, b.ID) })
	return live
}

// methodWith returns the user's method with the token, or nil. It ignores methods of
// cards.
func (s *state) methodWith(user billing.UserID, system string, token billing.Secret) *billing.PaymentMethod {
	for _, m := range s.methods {
		matches := m.UserID == user && m.PaymentSystem == system && !token.IsZero() && m.Token.Equal(token)
		if matches && m.CardID == "" && !m.FromPage && m.RemovedAt.IsZero() {
			return &m
		}
	}
	return nil
}
