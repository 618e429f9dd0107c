package storetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var bookPromises = []promise{
	{"list what is paid since a time, and what is pending", func(w *world) {
		at := noon.Add(24 * time.Hour)
		early := w.settle(w.open(0), billing.PaymentSucceeded, at.Add(-time.Microsecond))
		onTime := w.settle(w.open(0), billing.PaymentSucceeded, at)
		w.settle(w.open(0), billing.PaymentDeclined, at)
		w.settle(w.open(0), billing.PaymentAbandoned, at)
		pending := w.open(time.Hour)
		w.wantPaid(at, onTime.pay, pending.pay)
		w.wantPaid(time.Time{}, early.pay, onTime.pay, pending.pay)
	}},
	{"list one payment system", func(w *world) {
		m := w.viewer()
		m.ID, m.PaymentSystem = newIDOf[billing.PaymentMethodID](), "other"
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: "other", Name: "Other", CreatedAt: noon})
		})
		w.openFor(w.link(m), w.plan, 0)
		here := w.open(0)
		w.wantPaid(time.Time{}, here.pay)
	}},
	{"list many, each once", func(w *world) {
		var all []billing.Payment
		for range 30 {
			all = append(all, w.open(0).pay)
		}
		w.wantPaid(noon, all...)
	}},
	{"stop at the first error of the reader", func(w *world) {
		w.open(0)
		w.open(0)
		calls := 0
		err := w.Books.Paid(w.Context(), system, noon, func(billing.Payment) error {
			calls++
			return errOnPurpose
		})
		w.wantErr(err, errOnPurpose)
		if calls != 1 {
			w.Errorf("%d calls, want one", calls)
		}
	}},
}

// wantPaid compares by id, in which want is.
func (w *world) wantPaid(since time.Time, want ...billing.Payment) {
	w.Helper()
	var got []billing.Payment
	w.must(w.Books.Paid(w.Context(), system, since, func(p billing.Payment) error {
		got = append(got, p)
		return nil
	}))
	slices.SortFunc(got, func(a, b billing.Payment) int { return strings.Compare(string(a.ID), string(b.ID)) })
	sameList(w, "paid", got, want)
}
