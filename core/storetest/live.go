package storetest

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var namePromises = []promise{
	{"are the subscription's id, the plan's code and the plan's id", func(w *world) {
		d := w.open(0)
		for _, ref := range []string{string(d.sub.ID), "basic", string(w.plan.ID)} {
			w.wantNamed(d.sub.UserID, ref, d.sub)
		}
	}},
	{"of a plan mean the live one, else the newest", func(w *world) {
		m := w.viewer()
		first := w.settle(w.openFor(m, w.plan, 0), billing.PaymentDeclined, noon)
		second := w.settle(w.openFor(m, w.plan, 0), billing.PaymentDeclined, noon)
		w.wantNamed(m.UserID, "basic", second.sub)
		w.wantNamed(m.UserID, string(first.sub.ID), first.sub)
		older := w.order(m, w.plan)
		newer := w.settle(w.openFor(m, w.plan, 0), billing.PaymentDeclined, noon)
		w.wantNamed(m.UserID, "basic", newer.sub)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return older.add(ctx, tx, 0) })
		w.wantNamed(m.UserID, "basic", older.sub)
	}},
	{"of nothing, or of another's, are not found", func(w *world) {
		d, other := w.open(0), w.viewer()
		w.addPlan("plus")
		for _, ref := range []string{"", "plus", "no-such-plan", newID(), "'"} {
			w.wantUnnamed(d.sub.UserID, ref)
		}
		for _, ref := range []string{"basic", string(w.plan.ID), string(d.sub.ID)} {
			w.wantUnnamed(other.UserID, ref)
		}
	}},
	{"follow the plan's code", func(w *world) {
		d := w.open(0)
		p := w.plan
		p.Code = "renamed"
		w.must(w.savePlan(p))
		d.sub.PlanCode = "renamed"
		w.wantNamed(d.sub.UserID, "renamed", d.sub)
		w.wantUnnamed(d.sub.UserID, "basic")
		same(w, "locked", w.locked(d).sub, d.sub)
	}},
}

// wantNamed checks for whom writes and for whom views.
func (w *world) wantNamed(user billing.UserID, ref string, want billing.Subscription) {
	w.Helper()
	got, err := w.named(user, ref)
	w.must(err)
	same(w, ref, got, want)
	v, err := w.Store.Views().Subscription(w.Context(), user, ref)
	w.must(err)
	same(w, "view of "+ref, v.Subscription, want)
}

func (w *world) wantUnnamed(user billing.UserID, ref string) {
	w.Helper()
	_, err := w.named(user, ref)
	w.wantErr(err, billing.ErrNotFound)
	_, err = w.Store.Views().Subscription(w.Context(), user, ref)
	w.wantErr(err, billing.ErrNotFound)
}

func (w *world) named(user billing.UserID, ref string) (s billing.Subscription, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		s, err = tx.Subscriptions.Named(ctx, user, ref)
		return err
	})
	return s, err
}

var oneLivePromises = []promise{
	{"keeps out a second to the same plan", func(w *world) {
		m := w.viewer()
		d := w.openFor(m, w.plan, 0)
		w.wantErr(w.addSubscriptions(w.order(m, w.plan).sub), billing.ErrAlreadySubscribed)
		w.openFor(m, w.addPlan("plus"), 0)
		w.open(0)
		w.settle(d, billing.PaymentDeclined, noon)
		w.openFor(m, w.plan, 0)
	}},
	{"keeps out a second in the same batch", func(w *world) {
		m := w.viewer()
		w.wantErr(w.addSubscriptions(w.order(m, w.plan).sub, w.order(m, w.plan).sub), billing.ErrAlreadySubscribed)
	}},
	{"wins a race", func(w *world) {
		m := w.viewer()
		subscribe := func(d deal) work {
			return func(ctx context.Context, tx ports.Repos) error { return d.add(ctx, tx, 0) }
		}
		errs := w.race(subscribe(w.order(m, w.plan)), subscribe(w.order(m, w.plan)), subscribe(w.order(m, w.plan)))
		w.wantOneWinner(errs, billing.ErrAlreadySubscribed)
	}},
}

func (w *world) addSubscriptions(s ...billing.Subscription) error {
	return w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Add(ctx, s...) })
}
