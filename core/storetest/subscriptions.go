package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var subscriptionCases = []testCase{
	{"keep every field in every status", func(w *world) {
		d := w.subscribe(0)
		same(w, "incomplete", w.locked(d).sub, d.sub)
		d = w.settle(d, billing.PaymentSucceeded, noon.Add(time.Minute))
		same(w, "active", w.locked(d).sub, d.sub)
		d.sub, _, _ = d.sub.Cancel(billing.AtPeriodEnd, noon)
		w.save(d)
		same(w, "cancelled", w.locked(d).sub, d.sub)
		d.sub, _, _ = d.sub.Cancel(billing.AtOnce, noon.Add(time.Hour))
		w.save(d)
		same(w, "ended", w.locked(d).sub, d.sub)
	}},
	{"may be without a signed consent", func(w *world) {
		d := w.newPurchase(w.viewer(), w.plan)
		d.sub.ConsentMAC = ""
		w.tx(func(ctx context.Context, tx ports.Repos) error { return d.add(ctx, tx, 0) })
		same(w, "subscription", w.locked(d).sub, d.sub)
	}},
	{"take another period and payment", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		next := d.next(1)
		w.must(w.addPayment(0, next))
		d.sub.Status, d.sub.LatestPaymentID, d.sub.Current = billing.StatusPastDue, next.ID, next.Period
		d.sub.NextChargeAt, d.sub.Charging = next.Period.Start.Add(time.Microsecond), true
		d.sub.PastDueSince, d.sub.GraceUntil = noon.Add(2*time.Microsecond), noon.Add(3*time.Microsecond)
		w.save(d)
		same(w, "subscription", w.locked(d).sub, d.sub)
	}},
	{"are put on hold, and taken off it", func(w *world) {
		d := w.onHold(noon)
		same(w, "on hold", w.locked(d).sub, d.sub)
		d.sub.Hold, d.sub.NextChargeAt = "", noon.Add(time.Hour)
		w.save(d)
		same(w, "due again", w.locked(d).sub, d.sub)
	}},
	{"keep their terms until these are saved", func(w *world) {
		d := w.subscribePaid()
		changed := d.sub
		changed.PaymentSystem, changed.ConsentMAC, changed.AnchorAt = "other", "other mac", noon.Add(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Save(ctx, changed) })
		same(w, "saved", w.locked(d).sub, d.sub)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return errors.Join(tx.Subscriptions.SaveTerms(ctx), tx.Subscriptions.SaveTerms(ctx, changed))
		})
		same(w, "terms saved", w.locked(d).sub, changed)
		changed.ConsentMAC = ""
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.SaveTerms(ctx, changed) })
		same(w, "consent removed", w.locked(d).sub, changed)
	}},
	{"come in batches", func(w *world) {
		var list []billing.Subscription
		var keys []ports.SubscriptionKey
		for range 50 {
			d := w.newPurchase(w.viewer(), w.plan)
			list, keys = append(list, d.sub), append(keys, d.subKey())
		}
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Add(ctx, list...) })
		same(w, "added", w.lockAll(keys), list)
		for i := range list {
			list[i].CancelAtPeriodEnd = i%2 == 0
		}
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Save(ctx, list...) })
		same(w, "saved", w.lockAll(keys), list)
	}},
	{"come in empty batches", func(w *world) {
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			list, err := tx.Subscriptions.Lock(ctx)
			if len(list) > 0 {
				w.Errorf("locked %v", list)
			}
			return errors.Join(err, tx.Subscriptions.Add(ctx), tx.Subscriptions.Save(ctx))
		})
	}},
	{"are locked only if they exist and are the user's", func(w *world) {
		d := w.subscribe(0)
		got := w.lockAll([]ports.SubscriptionKey{
			d.subKey(),
			{User: d.sub.UserID, ID: newIDOf[billing.SubscriptionID]()},
			{User: newIDOf[billing.UserID](), ID: d.sub.ID},
		})
		same(w, "locked", got, []billing.Subscription{d.sub})
	}},
	{"are locked for one transaction at a time", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		cancelled, _, _ := d.sub.Cancel(billing.AtPeriodEnd, noon)
		var seen []billing.Subscription
		w.must(w.wantBlocked(
			func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Subscriptions.Named(ctx, d.sub.UserID, "basic")
				return errors.Join(err, tx.Subscriptions.Save(ctx, cancelled))
			},
			func(ctx context.Context, tx ports.Repos) (err error) {
				seen, err = tx.Subscriptions.Lock(ctx, d.subKey())
				return err
			}))
		same(w, "seen by the second", seen, []billing.Subscription{cancelled})
	}},
}

// lockAll returns the subscriptions that Lock finds, in the order of their ids.
func (w *world) lockAll(keys []ports.SubscriptionKey) (list []billing.Subscription) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		list, err = tx.Subscriptions.Lock(ctx, keys...)
		return err
	})
	slices.SortFunc(list, func(a, b billing.Subscription) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list
}
