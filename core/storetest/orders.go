package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var orderPromises = []promise{
	{"find what they name", func(w *world) {
		d, m := w.open(0), billing.PaymentMethod{}
		w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
			m, err = tx.Methods.Find(ctx, d.sub.UserID, d.sub.MethodID)
			return err
		})
		ps := billing.PaymentSystem{Code: system, Name: "PayMock", CreatedAt: noon}
		for _, ref := range []string{"basic", string(w.plan.ID)} {
			got := w.takeOrder(ports.CheckoutQuery{User: d.sub.UserID, Plan: ref, PaymentSystem: system, Token: m.Token})
			same(w, "facts", got, ports.CheckoutFacts{Plan: &w.plan, PaymentSystem: &ps, Live: &d.sub, Method: &m})
		}
	}},
	{"find nothing that is not there, or is another's", func(w *world) {
		d, other := w.open(0), w.viewer()
		for _, q := range []ports.CheckoutQuery{
			{User: other.UserID},
			{User: other.UserID, Plan: "no-such-plan", PaymentSystem: "nobody", Token: billing.NewSecret("tok_none")},
			{User: d.sub.UserID, Plan: newID(), PaymentSystem: "nobody", Token: billing.NewSecret("tok_1")},
		} {
			same(w, "facts", w.takeOrder(q), ports.CheckoutFacts{})
		}
		if f := w.takeOrder(ports.CheckoutQuery{User: other.UserID, Plan: "basic"}); f.Plan == nil || f.Live != nil {
			w.Errorf("found %+v", f)
		}
	}},
	{"find what lives, and not what has ended", func(w *world) {
		d := w.open(0)
		q := ports.CheckoutQuery{User: d.sub.UserID, Plan: "basic"}
		same(w, "live", w.takeOrder(q).Live, &d.sub)
		w.settle(d, billing.PaymentDeclined, noon)
		if live := w.takeOrder(q).Live; live != nil {
			w.Errorf("found %+v", live)
		}
	}},
	{"find what is live to their own plan", func(w *world) {
		m := w.viewer()
		d := w.openFor(m, w.addPlan("plus"), 0)
		if live := w.takeOrder(ports.CheckoutQuery{User: m.UserID, Plan: "basic"}).Live; live != nil {
			w.Errorf("found %+v", live)
		}
		same(w, "live", w.takeOrder(ports.CheckoutQuery{User: m.UserID, Plan: "plus"}).Live, &d.sub)
	}},
	{"of several find each their own, in their order", func(w *world) {
		var asked []ports.CheckoutQuery
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
				d := w.openFor(m, plan, 0)
				f.Live = &d.sub
			case 2:
				q.Token, f.Method = billing.NewSecret("tok_new"), nil
			case 3:
				q.Plan, f.Plan = "gold", nil
			}
			asked, want = append(asked, q), append(want, f)
		}
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.Checkout.Take(ctx, asked...)
			for i := range got {
				same(w, "facts", w.unversioned(got[i]), want[i])
			}
			return err
		})
	}},
	{"know the version of what their transaction writes", func(w *world) {
		d := w.order(w.viewer(), w.plan)
		var version ports.RowVersion
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: d.sub.UserID, Plan: "basic"})
			if err != nil {
				return err
			}
			version = facts[0].Version
			return d.add(ctx, tx, time.Hour)
		})
		f := flight{d, version}
		w.must(w.try(f.replace))
		same(w, "stored", w.locked(d), f.renewed())
		w.wantErr(w.try(f.replace), ports.ErrChanged)
	}},
	{"may be none", func(w *world) {
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.Checkout.Take(ctx)
			if len(got) > 0 {
				w.Errorf("found %+v", got)
			}
			return errors.Join(err, tx.Methods.Add(ctx))
		})
	}},
	{"are taken with their keys", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		w.must(w.try(takeWith(r, sub)))
		w.wantClaim(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
		again := r
		again.Owner = newID()
		w.wantErr(w.try(takeWith(again, sub)), billing.ErrRequestInProgress)
		w.wantClaim(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"are taken with all their keys, or with none", func(w *world) {
		taken, sub := w.claimed()
		free := w.request("key")
		both := func(ctx context.Context, tx ports.Repos) error {
			_, err := tx.Checkout.Take(ctx,
				ports.CheckoutQuery{User: free.User, Request: &free, Subscription: sub}, ports.CheckoutQuery{User: free.User, Plan: "basic"},
				ports.CheckoutQuery{User: taken.User, Request: &taken, Subscription: sub})
			return err
		}
		w.wantErr(w.try(both), billing.ErrRequestInProgress)
		_, err := w.findClaim(free)
		w.wantErr(err, billing.ErrNotFound)
		taken.Key = "another"
		w.must(w.try(both))
		w.wantClaim(free, ports.KeyRecord{KeyedRequest: free, Subscription: sub})
		w.wantClaim(taken, ports.KeyRecord{KeyedRequest: taken, Subscription: sub})
	}},
	{"wait for whoever has their key, and learn of it", func(w *world) {
		r, sub := w.request("key"), newIDOf[billing.SubscriptionID]()
		again := r
		again.Owner = newID()
		w.wantErr(w.checkWaits(takeWith(r, sub), takeWith(again, sub)), billing.ErrRequestInProgress)
		w.wantClaim(r, ports.KeyRecord{KeyedRequest: r, Subscription: sub})
	}},
	{"wait for whoever has locked what is live", func(w *world) {
		d := w.settle(w.open(0), billing.PaymentSucceeded, noon)
		ended, _, _ := d.sub.Cancel(billing.AtOnce, noon.Add(time.Hour))
		var seen []ports.CheckoutFacts
		w.must(w.checkWaits(
			func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Subscriptions.Lock(ctx, d.subKey())
				return errors.Join(err, tx.Subscriptions.Save(ctx, ended))
			},
			func(ctx context.Context, tx ports.Repos) (err error) {
				seen, err = tx.Checkout.Take(ctx, ports.CheckoutQuery{User: d.sub.UserID, Plan: "basic"})
				return err
			}))
		if len(seen) != 1 || seen[0].Live != nil {
			w.Errorf("it lives still: %+v", seen)
		}
	}},
	{"keep others from what is live", func(w *world) {
		d := w.settle(w.open(0), billing.PaymentSucceeded, noon)
		w.must(w.checkWaits(
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

func (w *world) takeOrder(q ports.CheckoutQuery) (f ports.CheckoutFacts) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		list, err := tx.Checkout.Take(ctx, q)
		if err == nil {
			f = list[0]
		}
		return err
	})
	return w.unversioned(f)
}

// unversioned looks whether a version is there, which is another each time.
func (w *world) unversioned(f ports.CheckoutFacts) ports.CheckoutFacts {
	w.Helper()
	if (f.Version == 0) != (f.Plan == nil) {
		w.Errorf("with plan %v comes version %d", f.Plan, f.Version)
	}
	f.Version = 0
	return f
}

func takeWith(r ports.KeyedRequest, s billing.SubscriptionID) work {
	return func(ctx context.Context, tx ports.Repos) error {
		_, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: r.User, Request: &r, Subscription: s})
		return err
	}
}
