package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var checkoutCases = []testCase{
	{"finds plan, payment system, live subscription and method", func(w *world) {
		d, m := w.subscribe(0), billing.PaymentMethod{}
		w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
			m, err = tx.Methods.Find(ctx, d.sub.UserID, d.sub.MethodID)
			return err
		})
		ps := billing.PaymentSystem{Code: system, Name: "PayMock", CreatedAt: noon}
		for _, ref := range []string{"basic", string(w.plan.ID)} {
			got := w.takeOne(ports.CheckoutQuery{User: d.sub.UserID, Plan: ref, PaymentSystem: system, Token: m.Token})
			same(w, "facts", got, ports.CheckoutFacts{Plan: &w.plan, PaymentSystem: &ps, Live: []billing.Subscription{d.sub}, Method: &m})
		}
	}},
	{"finds nothing unknown, and nothing of another user", func(w *world) {
		d, other := w.subscribe(0), w.viewer()
		for _, q := range []ports.CheckoutQuery{
			{User: other.UserID},
			{User: other.UserID, Plan: "no-such-plan", PaymentSystem: "unknown", Token: billing.NewSecret("tok_none")},
			{User: d.sub.UserID, Plan: newID(), PaymentSystem: "unknown", Token: billing.NewSecret("tok_1")},
		} {
			same(w, "facts", w.takeOne(q), ports.CheckoutFacts{})
		}
		if f := w.takeOne(ports.CheckoutQuery{User: other.UserID, Plan: "basic"}); f.Plan == nil || f.Live != nil {
			w.Errorf("found %+v, want the plan and no live subscription", f)
		}
	}},
	{"finds a live subscription, not an ended one", func(w *world) {
		d := w.subscribe(0)
		q := ports.CheckoutQuery{User: d.sub.UserID, Plan: "basic"}
		same(w, "live", w.takeOne(q).Live, []billing.Subscription{d.sub})
		w.settle(d, billing.PaymentDeclined, noon)
		if live := w.takeOne(q).Live; live != nil {
			w.Errorf("the live subscriptions are %+v, want none", live)
		}
	}},
	{"finds declined and pending payments of the window", func(w *world) {
		declined, pending, paid := w.settle(w.subscribe(0), billing.PaymentDeclined, noon), w.subscribe(0), w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		for _, c := range []struct {
			user  billing.UserID
			since time.Time
			want  bool
		}{
			{declined.sub.UserID, noon.Add(-time.Second), true},
			{declined.sub.UserID, noon, false},
			{declined.sub.UserID, time.Time{}, false},
			{pending.sub.UserID, noon.Add(-time.Second), true},
			{paid.sub.UserID, noon.Add(-time.Second), false},
			{w.viewer().UserID, noon.Add(-time.Second), false},
		} {
			if got := w.takeOne(ports.CheckoutQuery{User: c.user, Plan: "basic", DeclinedSince: c.since}).Declined; got != c.want {
				w.Errorf("declined since %v: %t, want %t", c.since, got, c.want)
			}
		}
	}},
	{"finds the live subscriptions to plans of the same group only", func(w *world) {
		m := w.viewer()
		d := w.subscribeFor(m, w.addPlan("plus"), 0)
		if live := w.takeOne(ports.CheckoutQuery{User: m.UserID, Plan: "basic"}).Live; live != nil {
			w.Errorf("the live subscriptions are %+v, want none", live)
		}
		same(w, "live", w.takeOne(ports.CheckoutQuery{User: m.UserID, Plan: "plus"}).Live, []billing.Subscription{d.sub})
		w.addPlanTo("gold", d.sub.PlanGroup)
		same(w, "live", w.takeOne(ports.CheckoutQuery{User: m.UserID, Plan: "gold"}).Live, []billing.Subscription{d.sub})
	}},
	{"goes by the plans' groups, not by those stored with subscriptions", func(w *world) {
		m, plus := w.viewer(), w.addPlan("plus")
		first := w.settle(w.subscribeFor(m, w.plan, 0), billing.PaymentSucceeded, noon)
		second := w.settle(w.subscribeFor(m, plus, 0), billing.PaymentSucceeded, noon)
		plus.Group = w.plan.Group
		w.must(w.savePlan(plus))
		second.sub.PlanGroup = w.plan.Group
		want := []billing.Subscription{first.sub, second.sub}
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			facts, err := tx.Checkout.Take(ctx,
				ports.CheckoutQuery{User: m.UserID, Plan: "basic"}, ports.CheckoutQuery{User: m.UserID, Plan: "plus"})
			for _, f := range facts {
				same(w, "live", f.Live, want)
			}
			return err
		})
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Subscriptions.Save(ctx, first.sub, second.sub)
		})
	}},
	{"answers many queries in their order", func(w *world) {
		var queries []ports.CheckoutQuery
		var want []ports.CheckoutFacts
		ps := billing.PaymentSystem{Code: system, Name: "PayMock", CreatedAt: noon}
		plans := []billing.Plan{w.plan, w.addPlan("plus")}
		for i := range 20 {
			m, plan := w.viewer(), plans[i%2]
			q := ports.CheckoutQuery{User: m.UserID, Plan: plan.Code, PaymentSystem: system, Token: m.Token}
			f := ports.CheckoutFacts{Plan: &plan, PaymentSystem: &ps, Method: &m}
			switch i % 5 {
			case 0:
				q.Token, f.Method = billing.Secret{}, nil
			case 1:
				d := w.subscribeFor(m, plan, 0)
				f.Live = []billing.Subscription{d.sub}
			case 2:
				q.Token, f.Method = billing.NewSecret("tok_new"), nil
			case 3:
				q.Plan, f.Plan = "gold", nil
			}
			queries, want = append(queries, q), append(want, f)
		}
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.Checkout.Take(ctx, queries...)
			for i := range got {
				same(w, "facts", w.withoutVersion(got[i]), want[i])
			}
			return err
		})
	}},
	{"returns the version of rows that its transaction writes", func(w *world) {
		d := w.newPurchase(w.viewer(), w.plan)
		var version ports.RowVersion
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: d.sub.UserID, Plan: "basic"})
			if err != nil {
				return err
			}
			version = facts[0].Version
			return d.add(ctx, tx, time.Hour)
		})
		f := claimedRenewal{d, version}
		w.must(w.try(f.replace))
		same(w, "stored", w.locked(d), f.renewed())
		w.wantErr(w.try(f.replace), ports.ErrChanged)
	}},
	{"accepts no queries", func(w *world) {
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.Checkout.Take(ctx)
			if len(got) > 0 {
				w.Errorf("found %+v, want nothing", got)
			}
			return errors.Join(err, tx.Methods.Add(ctx))
		})
	}},
	{"claims the key", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		w.must(w.try(takeWith(r, sub)))
		w.wantKey(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
		second := r
		second.Owner = newID()
		w.wantErr(w.try(takeWith(second, sub)), billing.ErrRequestInProgress)
		w.wantKey(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"claims all keys or none", func(w *world) {
		taken, sub := w.claimedKey()
		free := w.request("key")
		both := func(ctx context.Context, tx ports.Repos) error {
			_, err := tx.Checkout.Take(ctx,
				ports.CheckoutQuery{User: free.User, Request: &free, Subscription: sub}, ports.CheckoutQuery{User: free.User, Plan: "basic"},
				ports.CheckoutQuery{User: taken.User, Request: &taken, Subscription: sub})
			return err
		}
		w.wantErr(w.try(both), billing.ErrRequestInProgress)
		_, err := w.findKey(free)
		w.wantErr(err, billing.ErrNotFound)
		taken.Key = "another"
		w.must(w.try(both))
		w.wantKey(free, ports.KeyRecord{KeyedRequest: free, Subscription: sub})
		w.wantKey(taken, ports.KeyRecord{KeyedRequest: taken, Subscription: sub})
	}},
	{"waits for a transaction that claims the key, and then fails", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		second := r
		second.Owner = newID()
		w.wantErr(w.wantBlocked(takeWith(r, sub), takeWith(second, sub)), billing.ErrRequestInProgress)
		w.wantKey(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"waits for a lock on the live subscription", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		ended, _, _ := d.sub.Cancel(billing.AtOnce, noon.Add(time.Hour))
		var seen []ports.CheckoutFacts
		w.must(w.wantBlocked(
			func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Subscriptions.Lock(ctx, d.subKey())
				return errors.Join(err, tx.Subscriptions.Save(ctx, ended))
			},
			func(ctx context.Context, tx ports.Repos) (err error) {
				seen, err = tx.Checkout.Take(ctx, ports.CheckoutQuery{User: d.sub.UserID, Plan: "basic"})
				return err
			}))
		if len(seen) != 1 || seen[0].Live != nil {
			w.Errorf("found %+v, want no live subscription", seen)
		}
	}},
	{"locks the live subscription", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		w.must(w.wantBlocked(
			func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: d.sub.UserID, Plan: "basic"})
				return err
			},
			func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Subscriptions.Lock(ctx, d.subKey())
				return err
			}))
	}},
}

func (w *world) takeOne(q ports.CheckoutQuery) (f ports.CheckoutFacts) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		list, err := tx.Checkout.Take(ctx, q)
		if err == nil {
			f = list[0]
		}
		return err
	})
	return w.withoutVersion(f)
}

// withoutVersion checks that a version comes with a plan, and clears it: its value
// differs from run to run.
func (w *world) withoutVersion(f ports.CheckoutFacts) ports.CheckoutFacts {
	w.Helper()
	if (f.Version == 0) != (f.Plan == nil) {
		w.Errorf("the version is %d with plan %v", f.Version, f.Plan)
	}
	f.Version = 0
	return f
}

func takeWith(r ports.KeyedRequest, s billing.SubscriptionID) txFunc {
	return func(ctx context.Context, tx ports.Repos) error {
		_, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: r.User, Request: &r, Subscription: s})
		return err
	}
}
