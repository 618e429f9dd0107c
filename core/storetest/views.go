package storetest

import (
	"context"
	"fmt"
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
	{"of subscriptions and payments are filtered by plan and status", func(w *world) {
		m, plus := w.viewer(), w.addPlan("plus")
		declined := w.settle(w.subscribeFor(m, w.plan, 0), billing.PaymentDeclined, noon)
		paid := w.settle(w.subscribeFor(m, w.plan, 0), billing.PaymentSucceeded, noon)
		pending := w.subscribeFor(m, plus, 0)
		for _, c := range []struct {
			subscription, payment ports.Filter
			want                  []purchase
		}{
			{ports.Filter{Plan: w.plan.Code}, ports.Filter{Plan: w.plan.Code}, []purchase{paid, declined}},
			{ports.Filter{Plan: string(plus.ID)}, ports.Filter{Plan: string(plus.ID)}, []purchase{pending}},
			{ports.Filter{Plan: "none"}, ports.Filter{Plan: "none"}, nil},
			{ports.Filter{Status: "ended"}, ports.Filter{Status: "declined"}, []purchase{declined}},
			{ports.Filter{Status: "incomplete"}, ports.Filter{Status: "pending"}, []purchase{pending}},
			{ports.Filter{Plan: w.plan.Code, Status: "active"}, ports.Filter{Plan: w.plan.Code, Status: "succeeded"}, []purchase{paid}},
			{ports.Filter{Plan: "plus", Status: "active"}, ports.Filter{Plan: "plus", Status: "succeeded"}, nil},
		} {
			var views []billing.SubscriptionID
			subs, err := w.Store.Views().Subscriptions(w.Context(), m.UserID, ports.Page{Limit: 10, Filter: c.subscription})
			w.must(err)
			for _, v := range subs {
				views = append(views, v.ID)
			}
			var want []billing.SubscriptionID
			var payments []billing.Payment
			for _, d := range c.want {
				want, payments = append(want, d.sub.ID), append(payments, d.pay)
			}
			sameList(w, fmt.Sprintf("subscriptions of %+v", c.subscription), views, want)
			w.wantPayments(m.UserID, ports.Page{Limit: 10, Filter: c.payment}, payments...)
			w.wantPayments(m.UserID, ports.Page{Limit: 1, Filter: c.payment}, payments[:min(1, len(payments))]...)
		}
	}},
	{"of subscriptions are filtered by the status at a time", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		for _, change := range []struct{ cancelled, charging bool }{{false, false}, {true, true}, {true, false}} {
			d.sub.CancelAtPeriodEnd, d.sub.Charging = change.cancelled, change.charging
			w.save(d)
			for _, at := range []time.Time{{}, d.sub.Current.End.Add(-time.Second), d.sub.Current.End, d.sub.Current.End.Add(time.Hour)} {
				then := d.sub
				if !at.IsZero() {
					then, _ = d.sub.At(at)
				}
				for _, status := range []billing.Status{billing.StatusActive, billing.StatusEnded} {
					got, err := w.Store.Views().Subscriptions(w.Context(), d.sub.UserID, ports.Page{Limit: 1, Filter: ports.Filter{Status: string(status), At: at}})
					w.must(err)
					if (len(got) == 1) != (then.Status == status) {
						w.Errorf("%s at %v with %+v: %d subscriptions, but the status is %s", status, at, change, len(got), then.Status)
					}
				}
			}
		}
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
