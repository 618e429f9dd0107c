package storetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var paymentReaderCases = []testCase{
	{"lists payments paid since a time, and all pending ones", func(w *world) {
		at := noon.Add(24 * time.Hour)
		early := w.settle(w.subscribe(0), billing.PaymentSucceeded, at.Add(-time.Microsecond))
		onTime := w.settle(w.subscribe(0), billing.PaymentSucceeded, at)
		w.settle(w.subscribe(0), billing.PaymentDeclined, at)
		w.settle(w.subscribe(0), billing.PaymentAbandoned, at)
		pending := w.subscribe(time.Hour)
		w.wantPaid(at, onTime.pay, pending.pay)
		w.wantPaid(time.Time{}, early.pay, onTime.pay, pending.pay)
	}},
	{"lists one payment system", func(w *world) {
		m := w.viewer()
		m.ID, m.PaymentSystem = newIDOf[billing.PaymentMethodID](), "other"
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: "other", Name: "Other", CreatedAt: noon})
		})
		w.subscribeFor(w.link(m), w.plan, 0)
		here := w.subscribe(0)
		w.wantPaid(time.Time{}, here.pay)
	}},
	{"lists many payments, each once", func(w *world) {
		var all []billing.Payment
		for range 30 {
			all = append(all, w.subscribe(0).pay)
		}
		w.wantPaid(noon, all...)
	}},
	{"stops at the first error of the callback", func(w *world) {
		w.subscribe(0)
		w.subscribe(0)
		calls := 0
		err := w.Payments.Paid(w.Context(), system, noon, func(billing.Payment) error {
			calls++
			return errOnPurpose
		})
		w.wantErr(err, errOnPurpose)
		if calls != 1 {
			w.Errorf("%d calls, want one", calls)
		}
	}},
}

// wantPaid compares the payments that Paid lists, in the order of their ids.
func (w *world) wantPaid(since time.Time, want ...billing.Payment) {
	w.Helper()
	var got []billing.Payment
	w.must(w.Payments.Paid(w.Context(), system, since, func(p billing.Payment) error {
		got = append(got, p)
		return nil
	}))
	slices.SortFunc(got, func(a, b billing.Payment) int { return strings.Compare(string(a.ID), string(b.ID)) })
	sameList(w, "paid", got, want)
}
