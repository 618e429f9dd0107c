package storetest

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var referenceCases = []testCase{
	{"are the subscription's id, the plan's code or the plan's id", func(w *world) {
		d := w.subscribe(0)
		for _, ref := range []string{string(d.sub.ID), "basic", string(w.plan.ID)} {
			w.wantRef(d.sub.UserID, ref, d.sub)
		}
	}},
	{"to a plan find the live subscription, else the newest", func(w *world) {
		m := w.viewer()
		first := w.settle(w.subscribeFor(m, w.plan, 0), billing.PaymentDeclined, noon)
		second := w.settle(w.subscribeFor(m, w.plan, 0), billing.PaymentDeclined, noon)
		w.wantRef(m.UserID, "basic", second.sub)
		w.wantRef(m.UserID, string(first.sub.ID), first.sub)
		older := w.newPurchase(m, w.plan)
		newer := w.settle(w.subscribeFor(m, w.plan, 0), billing.PaymentDeclined, noon)
		w.wantRef(m.UserID, "basic", newer.sub)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return older.add(ctx, tx, 0) })
		w.wantRef(m.UserID, "basic", older.sub)
	}},
	{"to nothing or to another user's are not found", func(w *world) {
		d, other := w.subscribe(0), w.viewer()
		w.addPlan("plus")
		for _, ref := range []string{"", "plus", "no-such-plan", newID(), "'"} {
			w.wantNoRef(d.sub.UserID, ref)
		}
		for _, ref := range []string{"basic", string(w.plan.ID), string(d.sub.ID)} {
			w.wantNoRef(other.UserID, ref)
		}
	}},
	{"follow the plan's code and group", func(w *world) {
		d := w.subscribe(0)
		p := w.plan
		p.Code, p.Group = "renamed", "moved"
		w.must(w.savePlan(p))
		d.sub.PlanCode, d.sub.PlanGroup = "renamed", "moved"
		w.wantRef(d.sub.UserID, "renamed", d.sub)
		w.wantNoRef(d.sub.UserID, "basic")
		same(w, "locked", w.locked(d).sub, d.sub)
	}},
}

// wantRef expects the subscription from Subscriptions and from Views.
func (w *world) wantRef(user billing.UserID, ref string, want billing.Subscription) {
	w.Helper()
	got, err := w.findRef(user, ref)
	w.must(err)
	same(w, ref, got, want)
	v, err := w.Store.Views().Subscription(w.Context(), user, ref)
	w.must(err)
	same(w, "view of "+ref, v.Subscription, want)
}

func (w *world) wantNoRef(user billing.UserID, ref string) {
	w.Helper()
	_, err := w.findRef(user, ref)
	w.wantErr(err, billing.ErrNotFound)
	_, err = w.Store.Views().Subscription(w.Context(), user, ref)
	w.wantErr(err, billing.ErrNotFound)
}

func (w *world) findRef(user billing.UserID, ref string) (s billing.Subscription, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		s, err = tx.Subscriptions.Named(ctx, user, ref)
		return err
	})
	return s, err
}

var uniqueLiveCases = []testCase{
	{"refuses a second to the same plan", func(w *world) {
		m := w.viewer()
		d := w.subscribeFor(m, w.plan, 0)
		w.wantErr(w.addSubscriptions(w.newPurchase(m, w.plan).sub), billing.ErrAlreadySubscribed)
		w.subscribeFor(m, w.addPlan("plus"), 0)
		w.subscribe(0)
		w.settle(d, billing.PaymentDeclined, noon)
		w.subscribeFor(m, w.plan, 0)
	}},
	{"refuses a second to another plan of the group", func(w *world) {
		m, plus := w.viewer(), w.addPlanTo("plus", w.plan.Group)
		d := w.subscribeFor(m, w.plan, 0)
		w.wantErr(w.addSubscriptions(w.newPurchase(m, plus).sub), billing.ErrPlanGroupTaken)
		w.settle(d, billing.PaymentDeclined, noon)
		w.subscribeFor(m, plus, 0)
	}},
	{"refuses a second in the same batch", func(w *world) {
		m := w.viewer()
		w.wantErr(w.addSubscriptions(w.newPurchase(m, w.plan).sub, w.newPurchase(m, w.plan).sub), billing.ErrAlreadySubscribed)
	}},
	{"wins a race", func(w *world) {
		m := w.viewer()
		errs := w.raceToSubscribe(w.newPurchase(m, w.plan), w.newPurchase(m, w.plan), w.newPurchase(m, w.plan))
		w.wantOneWinner(errs, billing.ErrAlreadySubscribed)
	}},
	{"of a group wins a race", func(w *world) {
		m, plus, gold := w.viewer(), w.addPlanTo("plus", w.plan.Group), w.addPlanTo("gold", w.plan.Group)
		errs := w.raceToSubscribe(w.newPurchase(m, w.plan), w.newPurchase(m, plus), w.newPurchase(m, gold))
		w.wantOneWinner(errs, billing.ErrPlanGroupTaken)
	}},
}

// raceToSubscribe stores the purchases at once and returns their errors.
func (w *world) raceToSubscribe(list ...purchase) []error {
	var adds []txFunc
	for _, d := range list {
		adds = append(adds, func(ctx context.Context, tx ports.Repos) error { return d.add(ctx, tx, 0) })
	}
	return w.race(adds...)
}

func (w *world) addSubscriptions(s ...billing.Subscription) error {
	return w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Add(ctx, s...) })
}
