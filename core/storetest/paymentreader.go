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
	{"lists succeeded and pending payments from an id on", func(w *world) {
		early := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		first := w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
		w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		w.settle(w.subscribe(0), billing.PaymentAbandoned, noon)
		pending := w.subscribe(time.Hour)
		w.wantPaid(first.pay.ID, first, pending)
		w.wantPaid(zeroID, early, first, pending)
	}},
	{"reads payments of one payment system by their ids", func(w *world) {
		declined := w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		pending := w.subscribe(time.Hour)
		w.subscribe(0)
		ids := []billing.PaymentID{pending.pay.ID, declined.pay.ID, newIDOf[billing.PaymentID](), "not a UUID"}
		got, err := w.Payments.PaymentsByID(w.Context(), system, ids...)
		w.must(err)
		sortPayments(got)
		sameList(w, "by id", got, []ports.PaidPayment{declined.paid(), pending.paid()})
		got, err = w.Payments.PaymentsByID(w.Context(), "other", ids...)
		w.must(err)
		sameList(w, "at another payment system", got, nil)
	}},
	{"lists one payment system", func(w *world) {
		m := w.viewer()
		m.ID, m.PaymentSystem = newIDOf[billing.PaymentMethodID](), "other"
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: "other", Name: "Other", CreatedAt: noon})
		})
		w.subscribeFor(w.link(m), w.plan, 0)
		here := w.subscribe(0)
		w.wantPaid(zeroID, here)
	}},
	{"lists many payments, each once", func(w *world) {
		var all []purchase
		for range 30 {
			all = append(all, w.subscribe(0))
		}
		w.wantPaid(zeroID, all...)
	}},
	{"stops at the first error of the callback", func(w *world) {
		w.subscribe(0)
		w.subscribe(0)
		calls := 0
		err := w.Payments.Paid(w.Context(), system, zeroID, func(ports.PaidPayment) error {
			calls++
			return errOnPurpose
		})
		w.wantErr(err, errOnPurpose)
		if calls != 1 {
			w.Errorf("%d calls, want one", calls)
		}
	}},
}

// zeroID is before all ids.
const zeroID = billing.PaymentID("00000000-0000-0000-0000-000000000000")

// wantPaid compares the payments that Paid lists, in the order of their ids.
func (w *world) wantPaid(first billing.PaymentID, want ...purchase) {
	w.Helper()
	var got, all []ports.PaidPayment
	w.must(w.Payments.Paid(w.Context(), system, first, func(p ports.PaidPayment) error {
		got = append(got, p)
		return nil
	}))
	for _, d := range want {
		all = append(all, d.paid())
	}
	sameList(w, "paid", got, all)
}

// paid is the purchase as a [ports.PaymentReader] returns it.
func (d purchase) paid() ports.PaidPayment {
	return ports.PaidPayment{Payment: d.pay, Agreed: d.sub.Terms()}
}

func sortPayments(list []ports.PaidPayment) {
	slices.SortFunc(list, func(a, b ports.PaidPayment) int { return strings.Compare(string(a.ID), string(b.ID)) })
}
