package storetest

import (
	"context"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// planGroupCases run with the rights of the owner.
var planGroupCases = []testCase{
	{"lock out orders and changes of plans", func(w *world) {
		lock := func(ctx context.Context, tx ports.Repos) error { return tx.PlanGroups.Lock(ctx) }
		order := func(ctx context.Context, tx ports.Repos) error {
			_, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: newIDOf[billing.UserID](), Plan: "basic"})
			return err
		}
		w.must(w.wantBlocked(lock, order))
		w.must(w.wantBlocked(order, lock))
		w.must(w.wantBlocked(lock, lock))
		w.must(w.wantBlocked(lock, func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Add(ctx, newPlan("plus")) }))
	}},
	{"find viewers who have the plan and another one of the group", func(w *world) {
		plus, gold := w.addPlan("plus"), w.addPlan("gold")
		var want []ports.GroupConflict
		for range 3 {
			d, other := w.subscribeToBoth(w.plan, plus)
			want = append(want, ports.GroupConflict{User: d.sub.UserID, ID: d.sub.ID, Other: other.sub.ID, OtherPlan: "plus"})
		}
		w.subscribeToBoth(w.plan, gold)
		w.subscribe(0)
		ended, _ := w.subscribeToBoth(w.plan, plus)
		w.settle(ended, billing.PaymentDeclined, noon)
		_, ended = w.subscribeToBoth(w.plan, plus)
		w.settle(ended, billing.PaymentDeclined, noon)
		w.wantConflicts(plus.Group, 5, 3, want...)
		w.wantConflicts(plus.Group, 2, 3, want[:2]...)
		w.wantConflicts("none", 5, 0)
		w.wantConflicts(w.plan.Group, 5, 0)
	}},
	{"count a viewer with several others once", func(w *world) {
		plus, gold := w.addPlan("plus"), w.addPlan("gold")
		d, other := w.subscribeToBoth(w.plan, plus)
		w.subscribeFor(billing.PaymentMethod{UserID: d.sub.UserID, ID: d.sub.MethodID, PaymentSystem: system}, gold, 0)
		gold.Group = plus.Group
		w.must(w.savePlan(gold))
		w.wantConflicts(plus.Group, 5, 1, ports.GroupConflict{User: d.sub.UserID, ID: d.sub.ID, Other: other.sub.ID, OtherPlan: "plus"})
	}},
	{"are stored with live subscriptions", func(w *world) {
		plus := w.addPlan("plus")
		var viewers []billing.PaymentMethod
		for range 5 {
			viewers = append(viewers, w.viewer())
			w.subscribeFor(viewers[len(viewers)-1], w.plan, 0)
		}
		former := w.viewer()
		w.settle(w.subscribeFor(former, w.plan, 0), billing.PaymentDeclined, noon)
		w.moveTo(plus.Group)
		var last billing.UserID
		for _, want := range []billing.UserID{viewers[1].UserID, viewers[3].UserID, viewers[4].UserID, ""} {
			w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
				last, err = tx.PlanGroups.Relabel(ctx, w.plan.ID, last, 2)
				return err
			})
			same(w, "last user", last, want)
		}
		for _, m := range viewers {
			w.wantErr(w.addSubscriptions(w.newPurchase(m, plus).sub), billing.ErrPlanGroupTaken)
		}
		w.subscribeFor(former, plus, 0)
	}},
	{"cannot be stored with two live subscriptions of a viewer", func(w *world) {
		plus := w.addPlan("plus")
		w.subscribeToBoth(w.plan, plus)
		w.moveTo(plus.Group)
		w.wantErr(w.try(func(ctx context.Context, tx ports.Repos) error {
			_, err := tx.PlanGroups.Relabel(ctx, w.plan.ID, "", 10)
			return err
		}), billing.ErrPlanGroupTaken)
	}},
}

// subscribeToBoth subscribes a new viewer to two plans.
func (w *world) subscribeToBoth(first, second billing.Plan) (d, other purchase) {
	w.Helper()
	m := w.viewer()
	return w.subscribeFor(m, first, 0), w.subscribeFor(m, second, 0)
}

// moveTo changes the group of the plan basic, but not of its subscriptions.
func (w *world) moveTo(group string) {
	w.Helper()
	p := w.plan
	p.Group = group
	w.must(w.savePlan(p))
}

// wantConflicts asks for conflicts of the plan basic.
func (w *world) wantConflicts(group string, limit, users int, want ...ports.GroupConflict) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		n, got, err := tx.PlanGroups.Conflicts(ctx, w.plan.ID, group, limit)
		if n != users || !slices.Equal(got, want) {
			w.Errorf("%d users, %+v; want %d, %+v", n, got, users, want)
		}
		return err
	})
}
