package storetest

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var planCases = []testCase{
	{"is found by code and by id, with every field", func(w *world) {
		w.wantPlan("basic", w.plan)
		w.wantPlan(string(w.plan.ID), w.plan)
	}},
	{"is found when archived", func(w *world) {
		p := newPlan("old").Archive(noon.Add(time.Hour))
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Add(ctx, p) })
		w.wantPlan("old", p)
	}},
	{"may have no features", func(w *world) {
		p := newPlan("bare")
		p.Features = nil
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Add(ctx, p) })
		got, err := w.findPlan("bare")
		w.must(err)
		if len(got.Features) > 0 {
			w.Errorf("features %q", got.Features)
		}
		got.Features = nil
		same(w, "plan", got, p)
	}},
	{"is not found by an unknown reference", func(w *world) {
		for _, ref := range []string{"", "basi", "BASIC", newID()} {
			_, err := w.findPlan(ref)
			w.wantErr(err, billing.ErrPlanNotFound)
		}
	}},
	{"has a unique code", func(w *world) {
		err := w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Add(ctx, newPlan("basic")) })
		w.wantErr(err, billing.ErrAlreadyExists)
	}},
	{"is listed in the byte order of codes", func(w *world) {
		want := []billing.Plan{w.addPlan("a-c"), w.addPlan("a_b"), w.addPlan("ab"), w.plan}
		got, err := w.Store.Views().Plans(w.Context())
		w.must(err)
		same(w, "plans", got, want)
	}},
}

var planChangeCases = []testCase{
	{"are stored", func(w *world) {
		p := w.plan
		p.Code, p.Name, p.Price = "plus", "Плюс", billing.Money{Amount: billing.MaxAmount, Currency: "USD"}
		p.IntervalMonths, p.Features, p.Group = 12, []string{"uhd"}, "sport"
		p = p.Archive(noon.Add(time.Hour))
		w.must(w.savePlan(p))
		w.wantPlan("plus", p)
		_, err := w.findPlan("basic")
		w.wantErr(err, billing.ErrPlanNotFound)
	}},
	{"cannot take another plan's code", func(w *world) {
		p := w.addPlan("plus")
		p.Code = "basic"
		w.wantErr(w.savePlan(p), billing.ErrAlreadyExists)
	}},
	{"to an unknown plan add nothing", func(w *world) {
		_ = w.savePlan(newPlan("ghost"))
		_, err := w.findPlan("ghost")
		w.wantErr(err, billing.ErrPlanNotFound)
	}},
	{"wait for a transaction that has read the plan", func(w *world) {
		dearer := w.plan
		dearer.Price = rub(49900)
		w.must(w.wantBlocked(
			func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: newIDOf[billing.UserID](), Plan: "basic"})
				return err
			},
			func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Save(ctx, dearer) }))
		w.wantPlan("basic", dearer)
	}},
	{"made concurrently are not lost", func(w *world) {
		dearer := func(ctx context.Context, tx ports.Repos) error {
			p, err := tx.Plans.Lock(ctx, "basic")
			if err != nil {
				return err
			}
			p.Price.Amount++
			return tx.Plans.Save(ctx, p)
		}
		for _, err := range w.race(dearer, dearer, dearer, dearer) {
			w.must(err)
		}
		want := w.plan
		want.Price.Amount += 4
		w.wantPlan("basic", want)
	}},
}

func (w *world) savePlan(p billing.Plan) error {
	return w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Save(ctx, p) })
}

func (w *world) findPlan(ref string) (p billing.Plan, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		p, err = tx.Plans.Lock(ctx, ref)
		return err
	})
	return p, err
}

func (w *world) wantPlan(ref string, want billing.Plan) {
	w.Helper()
	got, err := w.findPlan(ref)
	w.must(err)
	same(w, "plan", got, want)
}
