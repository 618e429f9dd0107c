package storetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var viewCases = []testCase{
	{"of a subscription show its latest payment and the current plan", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		p := w.plan
		p.Code, p.Features, p.Price = "plus", []string{"uhd"}, rub(1)
		w.must(w.savePlan(p))
		next := d.next(1)
		w.must(w.addPayment(0, next))
		d.sub.LatestPaymentID, d.sub.PlanCode, d.pay = next.ID, "plus", next
		w.save(d)
		want := ports.SubscriptionView{Subscription: d.sub, Latest: next, Features: []string{"uhd"}}
		w.wantViews(d.sub.UserID, ports.Page{Limit: 1}, want)
		got, err := w.Store.Views().Subscription(w.Context(), d.sub.UserID, string(d.sub.ID))
		w.must(err)
		same(w, "one", got, want)
		live, err := w.Store.Views().LiveSubscriptions(w.Context(), d.sub.UserID)
		w.must(err)
		same(w, "live", live, []ports.SubscriptionView{want})
	}},
	{"of subscriptions come in pages, newest first, of one user", func(w *world) {
		m := w.viewer()
		w.subscribe(0)
		var all []ports.SubscriptionView
		for range 5 {
			all = append(all, w.view(w.settle(w.subscribeFor(m, w.plan, 0), billing.PaymentDeclined, noon)))
		}
		slices.Reverse(all)
		w.wantViews(m.UserID, ports.Page{Limit: 10}, all...)
		w.wantViews(m.UserID, ports.Page{Limit: 2}, all[:2]...)
		w.wantViews(m.UserID, ports.Page{Limit: 2, Before: string(all[1].ID)}, all[2:4]...)
		w.wantViews(m.UserID, ports.Page{Limit: 2, Before: string(all[3].ID)}, all[4:]...)
		w.wantViews(m.UserID, ports.Page{Limit: 2, Before: string(all[4].ID)})
	}},
	{"of payments come in pages, newest first, of one user", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		w.subscribe(0)
		next := d.next(0)
		w.must(w.addPayment(0, next))
		w.wantPayments(d.pay.UserID, ports.Page{Limit: 10}, next, d.pay)
		w.wantPayments(d.pay.UserID, ports.Page{Limit: 1}, next)
		w.wantPayments(d.pay.UserID, ports.Page{Limit: 1, Before: string(next.ID)}, d.pay)
		w.wantPayments(d.pay.UserID, ports.Page{Limit: 1, Before: string(d.pay.ID)})
	}},
	{"of one payment belong to its user", func(w *world) {
		d, other := w.settle(w.subscribe(0), billing.PaymentDeclined, noon), w.subscribe(0)
		got, err := w.Store.Views().Payment(w.Context(), d.pay.UserID, d.pay.ID)
		w.must(err)
		same(w, "payment", got, d.pay)
		_, err = w.Store.Views().Payment(w.Context(), d.pay.UserID, other.pay.ID)
		w.wantErr(err, billing.ErrNotFound)
	}},
	{"of one card belong to its user, until it is removed", func(w *world) {
		c, other := w.card(), w.card()
		got, err := w.Store.Views().Card(w.Context(), c.UserID, c.ID)
		w.must(err)
		same(w, "card", got, c)
		_, err = w.Store.Views().Card(w.Context(), c.UserID, other.ID)
		w.wantErr(err, billing.ErrCardNotFound)
		c.RemovedAt = noon
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Cards.Save(ctx, c) })
		_, err = w.Store.Views().Card(w.Context(), c.UserID, c.ID)
		w.wantErr(err, billing.ErrCardNotFound)
	}},
	{"of live subscriptions exclude ended ones", func(w *world) {
		m := w.viewer()
		w.settle(w.subscribeFor(m, w.plan, 0), billing.PaymentDeclined, noon)
		incomplete := w.subscribeFor(m, w.plan, 0)
		active := w.settle(w.subscribeFor(m, w.addPlan("plus"), 0), billing.PaymentSucceeded, noon.Add(time.Hour))
		got, err := w.Store.Views().LiveSubscriptions(w.Context(), m.UserID)
		w.must(err)
		slices.SortFunc(got, func(a, b ports.SubscriptionView) int { return strings.Compare(string(a.ID), string(b.ID)) })
		same(w, "live", got, []ports.SubscriptionView{w.view(incomplete), w.view(active)})
	}},
	{"of an unknown user are empty", func(w *world) {
		otherUser := newIDOf[billing.UserID]()
		w.subscribe(0)
		w.wantViews(otherUser, ports.Page{Limit: 10})
		w.wantPayments(otherUser, ports.Page{Limit: 10})
		w.wantEvents(otherUser, ports.Page{Limit: 10})
		live, err := w.Store.Views().LiveSubscriptions(w.Context(), otherUser)
		if err != nil || len(live) > 0 {
			w.Errorf("live subscriptions are %v, %v, want none", live, err)
		}
	}},
}

func (w *world) view(d purchase) ports.SubscriptionView {
	return ports.SubscriptionView{Subscription: d.sub, Latest: d.pay, Features: w.plan.Features}
}

func (w *world) wantViews(user billing.UserID, p ports.Page, want ...ports.SubscriptionView) {
	w.Helper()
	got, err := w.Store.Views().Subscriptions(w.Context(), user, p)
	w.must(err)
	sameList(w, "subscriptions", got, want)
}

func (w *world) wantPayments(user billing.UserID, p ports.Page, want ...billing.Payment) {
	w.Helper()
	got, err := w.Store.Views().Payments(w.Context(), user, p)
	w.must(err)
	sameList(w, "payments", got, want)
}

// sameList is same, but a nil list equals an empty one.
func sameList[T any](w *world, what string, got, want []T) {
	w.Helper()
	if len(got)+len(want) > 0 {
		same(w, what, got, want)
	}
}
