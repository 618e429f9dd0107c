package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type grants struct{ *tx }

func (r grants) Add(_ context.Context, g billing.Grant) error {
	for _, other := range r.grants {
		if other.UserID == g.UserID && other.Source == g.Source {
			return r.abort(billing.ErrAlreadyGiven)
		}
	}
	r.grants[g.ID] = g
	return nil
}

func (r grants) Give(ctx context.Context, given ...ports.Given) error {
	for _, g := range given {
		s, ok := r.subscriptions[g.Grant.SubscriptionID]
		if !ok || s.UserID != g.Grant.UserID {
			return r.abort(ports.ErrChanged)
		}
		s.Current.End, s.AnchorAt, s.NextChargeAt = g.Grant.Period.End, g.Subscription.AnchorAt, g.Subscription.NextChargeAt
		s.PastDueSince, s.GraceUntil = g.Subscription.PastDueSince, g.Subscription.GraceUntil
		if err := r.Add(ctx, g.Grant); err != nil {
			return err
		}
		r.subscriptions[s.ID] = s
		r.versions[string(s.ID)] = r.version
	}
	return nil
}

func (r grants) GivenTo(_ context.Context, source string, users ...billing.UserID) (given []billing.UserID, _ error) {
	for _, g := range r.grants {
		if g.Source == source && slices.Contains(users, g.UserID) {
			given = append(given, g.UserID)
		}
	}
	return given, nil
}

func (v views) GrantCandidates(_ context.Context, q ports.GrantQuery) ([]ports.GrantCandidate, error) {
	st := v.state()
	earlier, given := map[billing.UserID]bool{}, map[billing.UserID]bool{}
	var list []ports.GrantCandidate
	for _, s := range st.subscriptions {
		switch {
		case s.PlanID != q.Plan:
		case s.Live() && s.UserID > q.After:
			list = append(list, ports.GrantCandidate{Subscription: st.withPlan(s)})
		case !s.Live() && s.AccessWithin(q.Within, 0):
			earlier[s.UserID] = true
		}
	}
	for _, g := range st.grants {
		given[g.UserID] = given[g.UserID] || g.Source == q.Source
	}
	slices.SortFunc(list, func(a, b ports.GrantCandidate) int { return cmp.Compare(a.UserID, b.UserID) })
	list = list[:min(q.Limit, len(list))]
	for i, c := range list {
		list[i].Given, list[i].Earlier = given[c.UserID], earlier[c.UserID]
	}
	return list, nil
}

func (r grants) Of(_ context.Context, user billing.UserID) ([]billing.Grant, error) {
	var list []billing.Grant
	for _, g := range r.grants {
		if g.UserID == user {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b billing.Grant) int {
		return cmp.Or(a.Period.Start.Compare(b.Period.Start), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
