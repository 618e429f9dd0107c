package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type subscriptions struct{ *tx }

type dueSubscriptions struct{ *tx }

func (r subscriptions) Named(_ context.Context, user billing.UserID, ref string) (billing.Subscription, error) {
	return r.byRef(user, ref)
}

func (r subscriptions) Lock(_ context.Context, keys ...ports.SubscriptionKey) ([]billing.Subscription, error) {
	seen := make(map[billing.SubscriptionID]bool, len(keys))
	var list []billing.Subscription
	for _, k := range keys {
		s, ok := r.subscriptions[k.ID]
		if ok && s.UserID == k.User && !seen[k.ID] {
			seen[k.ID] = true
			list = append(list, r.withPlan(s))
		}
	}
	return list, nil
}

func (r subscriptions) Add(_ context.Context, list ...billing.Subscription) error {
	for _, s := range list {
		if _, taken := r.subscriptions[s.ID]; taken {
			return r.abort(billing.ErrAlreadyExists)
		}
		if _, ok := r.plans[s.PlanID]; !ok {
			return r.abort(fmt.Errorf("add subscription %s: plan %s not found", s.ID, s.PlanID))
		}
		if err := r.put(s); err != nil {
			return err
		}
	}
	return nil
}

func (r subscriptions) Save(ctx context.Context, list ...billing.Subscription) error {
	return r.SaveIfUnchanged(ctx, locked(list)...)
}

func (r subscriptions) SaveIfUnchanged(_ context.Context, list ...ports.Versioned[billing.Subscription]) error {
	for _, v := range list {
		s := v.Record
		old, ok := r.subscriptions[s.ID]
		if !ok || old.UserID != s.UserID {
			return fmt.Errorf("save subscription %s: not found", s.ID)
		}
		s.PlanGroup = old.PlanGroup
		if v.Version != ports.Locked && v.Version != r.versions[string(s.ID)] {
			return r.abort(ports.ErrChanged)
		}
		s.PaymentSystem, s.ConsentMAC, s.AnchorAt = old.PaymentSystem, old.ConsentMAC, old.AnchorAt // see SaveTerms
		if err := r.put(s); err != nil {
			return err
		}
	}
	return nil
}

func (r subscriptions) SaveTerms(_ context.Context, list ...billing.Subscription) error {
	for _, terms := range list {
		s, ok := r.subscriptions[terms.ID]
		if !ok || s.UserID != terms.UserID {
			return fmt.Errorf("save the terms of subscription %s: not found", terms.ID)
		}
		s.PaymentSystem, s.ConsentMAC, s.AnchorAt = terms.PaymentSystem, terms.ConsentMAC, terms.AnchorAt
		r.subscriptions[s.ID] = s
		r.versions[string(s.ID)] = r.version
	}
	return nil
}

func (r subscriptions) put(s billing.Subscription) error {
	var taken error
	for _, other := range r.subscriptions {
		switch excludes := other.UserID == s.UserID && other.ID != s.ID && other.Live() && s.Live(); {
		case excludes && other.PlanID == s.PlanID:
			return r.abort(billing.ErrAlreadySubscribed)
		case excludes && other.PlanGroup == s.PlanGroup:
			taken = billing.ErrPlanGroupTaken
		}
	}
	if taken != nil {
		return r.abort(taken)
	}
	r.subscriptions[s.ID] = s
	r.versions[string(s.ID)] = r.version
	return nil
}

// byRef returns the subscription with the id, or the user's subscription to the plan: the
// live one, or else the newest.
func (s *state) byRef(user billing.UserID, ref string) (billing.Subscription, error) {
	if sub, ok := s.subscriptions[billing.SubscriptionID(ref)]; ok && sub.UserID == user {
		return s.withPlan(sub), nil
	}
	plan, ok := s.plan(ref)
	var best billing.Subscription
	for _, sub := range s.subscriptions {
		if ok && sub.UserID == user && sub.PlanID == plan.ID && preferred(sub, best) {
			best = sub
		}
	}
	if best.ID == "" {
		return best, billing.ErrSubscriptionNotFound
	}
	return s.withPlan(best), nil
}

func preferred(s, to billing.Subscription) bool {
	if to.ID == "" || s.Live() != to.Live() {
		return to.ID == "" || s.Live()
	}
	return s.ID > to.ID
}

// withPlan sets the current facts of the plan.
func (s *state) withPlan(sub billing.Subscription) billing.Subscription {
	p := s.plans[sub.PlanID]
	sub.PlanCode, sub.PlanGroup, sub.PlanEnding = p.Code, p.Group, !p.EndingAt.IsZero()
	return sub
}

func (r dueSubscriptions) LockDue(_ context.Context, q ports.DueQuery) ([]ports.Due, error) {
	due := r.due(q)
	if len(due) > q.Limit {
		due = due[:q.Limit]
	}
	for i := range due {
		due[i].Version = r.version
	}
	return due, nil
}

func (r dueSubscriptions) LockOver(_ context.Context, now time.Time, limit int) ([]billing.Subscription, error) {
	over := r.over(now)
	return over[:min(limit, len(over))], nil
}

// over returns the subscriptions on hold whose grace has ended, earliest first, then the
// given ones whose period has ended, by user.
func (s *state) over(now time.Time) []billing.Subscription {
	var over []billing.Subscription
	for _, sub := range s.subscriptions {
		if sub.Hold != "" && !sub.Charging && !sub.GraceUntil.After(now) {
			over = append(over, s.withPlan(sub))
		}
	}
	slices.SortFunc(over, func(a, b billing.Subscription) int {
		return cmp.Or(a.GraceUntil.Compare(b.GraceUntil), cmp.Compare(a.ID, b.ID))
	})
	var given []billing.Subscription
	for _, sub := range s.subscriptions {
		if sub.Given() && sub.Live() && !sub.Current.End.After(now) {
			given = append(given, s.withPlan(sub))
		}
	}
	slices.SortFunc(given, func(a, b billing.Subscription) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.ID, b.ID))
	})
	return append(over, given...)
}

// due returns all due subscriptions of q, earliest first. It ignores q.Limit.
func (s *state) due(q ports.DueQuery) []ports.Due {
	var due []ports.Due
	for _, sub := range s.subscriptions {
		sub = s.withPlan(sub)
		chargeable := sub.Live() && !sub.Charging && !sub.NextChargeAt.IsZero()
		inTime := !sub.NextChargeAt.After(q.Now) && !sub.NextChargeAt.Before(q.From)
		if chargeable && inTime && !s.waits(sub, q.NoticeBy) && (q.Systems == nil || slices.Contains(q.Systems, sub.PaymentSystem)) {
			due = append(due, ports.Due{Subscription: sub, Method: s.methods[sub.MethodID]})
		}
	}
	slices.SortFunc(due, func(a, b ports.Due) int {
		return cmp.Or(a.NextChargeAt.Compare(b.NextChargeAt), cmp.Compare(a.ID, b.ID))
	})
	return due
}
