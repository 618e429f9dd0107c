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

var paymentCases = []testCase{
	{"keep every field in every status", func(w *world) {
		for _, status := range []billing.PaymentStatus{
			billing.PaymentPending, billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned,
		} {
			d := w.subscribe(0)
			same(w, "intent", w.locked(d).pay, d.pay)
			d = w.settle(d, status, noon.Add(time.Minute))
			same(w, string(status), w.locked(d).pay, d.pay)
		}
	}},
	{"keep their period until that is saved, and the consent that they bring", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		next := d.next(1)
		next.ConsentMAC = "a mac"
		w.must(w.addPayment(0, next))
		later := next
		later.Period.Start, later.Period.End = noon.AddDate(0, 3, 0), noon.AddDate(0, 4, 0)
		w.must(w.savePayment(later))
		d.pay = next
		same(w, "saved", w.locked(d).pay, next)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return errors.Join(tx.Payments.SavePeriod(ctx), tx.Payments.SavePeriod(ctx, later))
		})
		same(w, "period saved", w.locked(d).pay, later)
	}},
	{"keep since when a person must decide", func(w *world) {
		d := w.subscribe(0)
		d.pay.ActionURL = "https://bank.example/3ds"
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.Save(ctx, d.pay) })
		d.pay.ReviewSince, d.pay.ActionURL = noon.Add(time.Hour), ""
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.SaveReview(ctx, d.pay) })
		same(w, "payment", w.locked(d).pay, d.pay)
		d = w.settle(d, billing.PaymentDeclined, noon)
		same(w, "settled payment", w.locked(d).pay, d.pay)
	}},
	{"keep the end of their page until that is saved", func(w *world) {
		d := w.subscribe(0)
		d.pay.ActionURL, d.pay.ActionExpiresAt = "https://bank.example/3ds", noon.Add(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return errors.Join(tx.Payments.Save(ctx, d.pay), tx.Payments.SaveReview(ctx, d.pay))
		})
		same(w, "payment", w.locked(d).pay, d.pay)
		later := d.pay
		later.ActionExpiresAt = noon.Add(2 * time.Hour)
		w.must(w.savePayment(later))
		same(w, "saved", w.locked(d).pay, d.pay)
		later.ActionURL, later.ActionExpiresAt = "", time.Time{}
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.SaveReview(ctx, later) })
		same(w, "without a page", w.locked(d).pay, later)
	}},
	{"keep a contradiction", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		d = w.settle(d, billing.PaymentDeclined, noon)
		if d.pay.Contradiction == "" {
			w.Fatal("the rules set no contradiction")
		}
		same(w, "payment", w.locked(d).pay, d.pay)
	}},
	{"come in batches", func(w *world) {
		var list []billing.Payment
		var keys []ports.PaymentKey
		for range 50 {
			d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
			list = append(list, d.next(1))
			keys = append(keys, ports.PaymentKey{User: d.pay.UserID, ID: list[len(list)-1].ID})
		}
		w.must(w.addPayment(0, list...))
		same(w, "added", w.lockPayments(keys), list)
		for i := range list {
			list[i].ProviderRef = "ref_" + string(list[i].ID)
		}
		w.must(w.savePayment(list...))
		same(w, "saved", w.lockPayments(keys), list)
	}},
	{"come in empty batches", func(w *world) {
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			list, err := tx.Payments.Lock(ctx)
			if len(list) > 0 {
				w.Errorf("locked %v", list)
			}
			return errors.Join(err, tx.Payments.Add(ctx, 0), tx.Payments.Save(ctx), tx.Leases.ReleaseSweep(ctx))
		})
	}},
	{"are locked only if they exist and are the user's", func(w *world) {
		d := w.subscribe(0)
		got := w.lockPayments([]ports.PaymentKey{
			d.payKey(),
			{User: d.pay.UserID, ID: newIDOf[billing.PaymentID]()},
			{User: newIDOf[billing.UserID](), ID: d.pay.ID},
		})
		same(w, "locked", got, []billing.Payment{d.pay})
	}},
	{"are locked for one transaction at a time", func(w *world) {
		d := w.subscribe(0)
		lock := func(ctx context.Context, tx ports.Repos) error {
			_, err := tx.Payments.Lock(ctx, d.payKey())
			return err
		}
		w.must(w.wantBlocked(lock, lock))
	}},
}

// lockPayments returns the payments that Lock finds, in the order of their ids.
func (w *world) lockPayments(keys []ports.PaymentKey) (list []billing.Payment) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		list, err = tx.Payments.Lock(ctx, keys...)
		return err
	})
	slices.SortFunc(list, func(a, b billing.Payment) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list
}

func (w *world) savePayment(p ...billing.Payment) error {
	return w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.Save(ctx, p...) })
}

var uniquePaymentCases = []testCase{
	{"pays once for a period that is saved later", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		first, next := d.pay.Period, d.next(1)
		w.must(w.addPayment(0, next))
		next.Status, next.SettledAt = billing.PaymentSucceeded, noon
		w.must(w.savePayment(next))
		next.Period = first
		w.wantErr(w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.SavePeriod(ctx, next) }), billing.ErrAlreadyExists)
	}},
	{"is pending per subscription", func(w *world) {
		d := w.subscribe(0)
		w.wantErr(w.addPayment(0, d.next(1)), billing.ErrAlreadyExists)
		d = w.settle(d, billing.PaymentSucceeded, noon)
		w.must(w.addPayment(0, d.next(1)))
		w.wantErr(w.addPayment(0, d.next(2)), billing.ErrAlreadyExists)
	}},
	{"is pending per subscription in one batch", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		w.wantErr(w.addPayment(0, d.next(1), d.next(2)), billing.ErrAlreadyExists)
	}},
	{"pays for a period, so that no other is added", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		w.wantErr(w.addPayment(0, d.next(0)), billing.ErrAlreadyExists)
	}},
	{"pays for a period, so that no other succeeds", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		second := d.next(0)
		w.must(w.addPayment(0, second))
		second.Status, second.SettledAt = billing.PaymentSucceeded, noon
		w.must(w.savePayment(second))
		d.pay.Status, d.pay.DeclineCode = billing.PaymentSucceeded, ""
		w.wantErr(w.savePayment(d.pay), billing.ErrAlreadyExists)
	}},
	{"follows a declined one for the same period", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		w.must(w.addPayment(0, d.next(0)))
	}},
	{"wins a race", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		add := func(p billing.Payment) txFunc {
			return func(ctx context.Context, tx ports.Repos) error { return tx.Payments.Add(ctx, 0, p) }
		}
		w.wantOneWinner(w.race(add(d.next(1)), add(d.next(1)), add(d.next(1))), billing.ErrAlreadyExists)
	}},
}
