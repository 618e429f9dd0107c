package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type events struct{ *tx }

func (r events) Append(_ context.Context, list ...billing.Event) error {
	for _, e := range list {
		if _, taken := r.events[e.ID]; taken {
			return r.abort(billing.ErrAlreadyExists)
		}
		r.events[e.ID] = e
		r.feed = append(r.feed, ports.FeedPlace{Xact: int64(r.version), ID: e.ID})
	}
	return nil
}

func (r events) Times(_ context.Context, user billing.UserID, t billing.EventType, since time.Time, limit int) ([]time.Time, error) {
	var times []time.Time
	for _, e := range r.events {
		if e.UserID == user && e.Type == t && !e.At.Before(since) {
			times = append(times, e.At)
		}
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	return times[:min(limit, len(times))], nil
}

// Views implements [ports.Store]. It reads committed data only and waits for no
// transaction. Reading inside a transaction panics.
func (s *Store) Views() ports.Views {
	return ports.Views{PublicViews: views{s}, ViewerViews: views{s}, ViewerRecords: views{s}, AccessViews: views{s}, WalletViews: views{s}, DueViews: views{s}, NoticeViews: views{s}, ReceiptViews: views{s}, InstructionViews: views{s}, EndpointViews: views{s}, GrantViews: views{s}, PlanEndingViews: views{s}}
}

type views struct{ store *Store }

func (v views) state() *state {
	v.store.mustBeOutside("Views")
	return v.store.committed.Load()
}

func (v views) Plans(context.Context) ([]billing.Plan, error) {
	list := slices.Collect(maps.Values(v.state().plans))
	for i, p := range list {
		list[i] = copyPlan(p)
	}
	slices.SortFunc(list, func(a, b billing.Plan) int { return cmp.Compare(a.Code, b.Code) })
	return list, nil
}

func (v views) PaymentSystems(context.Context) ([]billing.PaymentSystem, error) {
	list := slices.Collect(maps.Values(v.state().systems))
	slices.SortFunc(list, func(a, b billing.PaymentSystem) int { return cmp.Compare(a.Code, b.Code) })
	return list, nil
}

func (v views) Subscription(_ context.Context, user billing.UserID, ref string) (ports.SubscriptionView, error) {
	st := v.state()
	s, err := st.byRef(user, ref)
	if err != nil {
		return ports.SubscriptionView{}, err
	}
	return st.view(s), nil
}

func (v views) Subscriptions(_ context.Context, user billing.UserID, p ports.Page) ([]ports.SubscriptionView, error) {
	st := v.state()
	matching := slices.DeleteFunc(st.of(user), func(s billing.Subscription) bool { return !st.matches(s, p.Filter) })
	return mapSlice(page(matching, p, func(s billing.Subscription) string { return string(s.ID) }), st.view), nil
}

func (v views) LiveSubscriptions(_ context.Context, user billing.UserID) ([]ports.SubscriptionView, error) {
	st := v.state()
	live := slices.DeleteFunc(st.of(user), func(s billing.Subscription) bool { return !s.Live() })
	slices.SortFunc(live, func(a, b billing.Subscription) int { return cmp.Compare(b.ID, a.ID) })
	return mapSlice(live, st.view), nil
}

func (v views) LiveSubscriptionsOf(ctx context.Context, users ...billing.UserID) (list []ports.LiveSubscription, err error) {
	st := v.state()
	slices.Sort(users)
	for _, user := range slices.Compact(users) {
		live, err := v.LiveSubscriptions(ctx, user)
		if err != nil {
			return nil, err
		}
		for _, s := range live {
			list = append(list, ports.LiveSubscription{Subscription: s.Subscription, Features: s.Features, Subject: st.users[user].Subject})
		}
	}
	return list, nil
}

func (v views) Subject(_ context.Context, user billing.UserID) (string, error) {
	u, ok := v.state().users[user]
	if !ok {
		return "", billing.ErrNotFound
	}
	return u.Subject, nil
}

func (v views) Events(_ context.Context, user billing.UserID, p ports.Page) ([]billing.Event, error) {
	var all []billing.Event
	for _, e := range v.state().events {
		if e.UserID == user {
			e.Author = billing.Author{}
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b billing.Event) int { return compareEvents(b, a) })
	if p.Before != "" {
		i := slices.IndexFunc(all, func(e billing.Event) bool { return string(e.ID) == p.Before })
		if i < 0 {
			return nil, nil
		}
		all = all[i+1:]
	}
	return all[:min(p.Limit, len(all))], nil
}

// compareEvents orders events as the history does.
func compareEvents(a, b billing.Event) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
}

func (v views) Payments(_ context.Context, user billing.UserID, p ports.Page) ([]billing.Payment, error) {
	st := v.state()
	var all []billing.Payment
	for _, pay := range st.payments {
		ofPlan := st.hasPlan(st.subscriptions[pay.SubscriptionID], p.Plan)
		if pay.UserID == user && ofPlan && (p.Status == "" || p.Status == string(pay.Status)) {
			all = append(all, pay.Payment)
		}
	}
	return page(all, p, func(p billing.Payment) string { return string(p.ID) }), nil
}

func (v views) Payment(_ context.Context, user billing.UserID, id billing.PaymentID) (billing.Payment, error) {
	pay, ok := v.state().payments[id]
	if !ok || pay.UserID != user {
		return billing.Payment{}, billing.ErrPaymentNotFound
	}
	return pay.Payment, nil
}

// matches reports whether a subscription is one of those that f selects.
func (s *state) matches(sub billing.Subscription, f ports.Filter) bool {
	if !f.At.IsZero() {
		sub, _ = sub.At(f.At)
	}
	return s.hasPlan(sub, f.Plan) && (f.Status == "" || f.Status == string(sub.Status))
}

// hasPlan reports whether a subscription is to the plan with this code or id. An empty
// reference means any plan.
func (s *state) hasPlan(sub billing.Subscription, ref string) bool {
	return ref == "" || ref == string(sub.PlanID) || ref == s.plans[sub.PlanID].Code
}

func (s *state) of(user billing.UserID) []billing.Subscription {
	all := slices.Collect(maps.Values(s.subscriptions))
	return slices.DeleteFunc(all, func(sub billing.Subscription) bool { return sub.UserID != user })
}

func (s *state) view(sub billing.Subscription) ports.SubscriptionView {
	return ports.SubscriptionView{
		Subscription: s.withPlan(sub),
		Latest:       s.payments[sub.LatestPaymentID].Payment,
		Features:     slices.Clone(s.plans[sub.PlanID].Features),
	}
}

// page returns one page of all, newest first.
func page[T any](all []T, p ports.Page, id func(T) string) []T {
	older := slices.DeleteFunc(all, func(x T) bool { return p.Before != "" && id(x) >= p.Before })
	slices.SortFunc(older, func(a, b T) int { return cmp.Compare(id(b), id(a)) })
	return older[:min(p.Limit, len(older))]
}

func mapSlice[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, x := range list {
		out[i] = f(x)
	}
	return out
}

func (v views) Due(ctx context.Context, q ports.DueQuery, each func(ports.Due) error) error {
	for i, d := range v.state().due(q) {
		if q.Limit > 0 && i == q.Limit {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := each(d); err != nil {
			return err
		}
	}
	return nil
}

func (v views) Over(_ context.Context, now time.Time, each func(billing.Subscription) error) error {
	for _, s := range v.state().over(now) {
		if err := each(s); err != nil {
			return err
		}
	}
	return nil
}

func (v views) CountDue(_ context.Context, q ports.DueQuery) (int, error) {
	return len(v.state().due(q)), nil
}

func (v views) SystemsToSweep(context.Context) ([]string, error) {
	now := v.store.wall()
	return systemsOf(slices.Concat(v.state().toSweep(now), v.state().toRecheck(now)), func(p payment) string { return p.PaymentSystem }), nil
}

func (v views) SystemsToRefund(context.Context) ([]string, error) {
	return systemsOf(v.state().toRefund(v.store.wall()), func(f refund) string { return f.PaymentSystem }), nil
}

func (v views) Refunds(_ context.Context, user billing.UserID, ids ...billing.PaymentID) ([]billing.Refund, error) {
	return v.state().refundsOf(user, ids...), nil
}
