package memory

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type orders struct{ *tx }

func (r orders) Take(_ context.Context, asked ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	for _, o := range asked {
		if o.Request == nil {
			continue
		}
		if err := r.claim(*o.Request, o.Subscription); err != nil {
			return nil, err
		}
	}
	all := make([]ports.CheckoutFacts, len(asked))
	for i, o := range asked {
		if plan, ok := r.plan(o.Plan); ok {
			all[i].Plan, all[i].Live, all[i].Version = &plan, r.live(o.User, plan.ID), r.version
		}
		if ps, ok := r.systems[o.PaymentSystem]; ok {
			all[i].PaymentSystem = &ps
		}
		all[i].Method = r.methodWith(o.User, o.PaymentSystem, o.Token)
	}
	return all, nil
}

func (s *state) live(user billing.UserID, plan billing.PlanID) *billing.Subscription {
	for _, sub := range s.subscriptions {
		if sub.UserID == user && sub.PlanID == plan && sub.Live() {
			return new(s.asOfToday(sub))
		}
	}
	return nil
}

// methodWith returns the user's method with the token, unless that is a card's.
func (s *state) methodWith(user billing.UserID, system string, token billing.Secret) *billing.PaymentMethod {
	for _, m := range s.methods {
		same := m.UserID == user && m.PaymentSystem == system && !token.IsZero() && m.Token.Equal(token)
		if same && m.CardID == "" && m.RemovedAt.IsZero() {
			return &m
		}
	}
	return nil
}
