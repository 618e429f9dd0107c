package memory

import (
	"context"

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
			all[i].Plan, all[i].Live, all[i].Version = &plan, r.live(o.User, plan.ID), r.version
		}
		if ps, ok := r.systems[o.PaymentSystem]; ok {
			all[i].PaymentSystem = &ps
		}
		all[i].Method = r.methodWith(o.User, o.PaymentSystem, o.Token)
		all[i].Declined = !o.DeclinedSince.IsZero() && len(r.declined(o.User, o.DeclinedSince, 1)) > 0
	}
	return all, nil
}

func (s *state) live(user billing.UserID, plan billing.PlanID) *billing.Subscription {
	for _, sub := range s.subscriptions {
		if sub.UserID == user && sub.PlanID == plan && sub.Live() {
			return new(s.withPlan(sub))
		}
	}
	return nil
}

// methodWith returns the user's method with the token, or nil. It ignores methods of
// cards.
func (s *state) methodWith(user billing.UserID, system string, token billing.Secret) *billing.PaymentMethod {
	for _, m := range s.methods {
		matches := m.UserID == user && m.PaymentSystem == system && !token.IsZero() && m.Token.Equal(token)
		if matches && m.CardID == "" && m.RemovedAt.IsZero() {
			return &m
		}
	}
	return nil
}
