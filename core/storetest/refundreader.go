package storetest

import (
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var refundReaderCases = []testCase{
	{"lists pending and succeeded refunds since a time", func(w *world) {
		early, late := w.paid().refund(1), w.paid().refund(2)
		late.CreatedAt = noon.Add(time.Hour)
		failed := w.paid().refund(3)
		for _, r := range []billing.Refund{early, late, failed} {
			w.must(w.addRefund(r))
		}
		failed.Status, failed.SettledAt = billing.PaymentDeclined, noon
		w.saveRefund(failed)
		w.wantListed(time.Time{}, early, late)
		w.wantListed(noon, early, late)
		w.wantListed(noon.Add(time.Microsecond), late)
		w.must(w.Refunds.Refunded(w.Context(), "other", time.Time{}, func(r billing.Refund) error {
			w.Errorf("refund %+v of another payment system", r)
			return nil
		}))
		w.wantErr(w.Refunds.Refunded(w.Context(), system, time.Time{}, func(billing.Refund) error { return errOnPurpose }), errOnPurpose)
	}},
	{"finds refunds by key and by reference", func(w *world) {
		byKey, byRef := w.paid().refund(1), w.paid().refund(2)
		w.must(w.addRefund(w.paid().refund(3)))
		for _, r := range []billing.Refund{byKey, byRef} {
			w.must(w.addRefund(r))
		}
		byRef.Status, byRef.ProviderRef, byRef.DeclineCode, byRef.SettledAt = billing.PaymentDeclined, "re_7", billing.GenericDecline, noon
		w.saveRefund(byRef)
		entries := []ports.RefundEntry{{Key: byKey.ID}, {Key: byRef.ID, Ref: "re_7"}, {Ref: "re_8"}, {Key: "no UUID"}, {}}
		got, err := w.Refunds.RefundsNamed(w.Context(), system, entries...)
		w.must(err)
		same(w, "refunds", byRefundID(got), byRefundID([]billing.Refund{byKey, byRef}))
		got, err = w.Refunds.RefundsNamed(w.Context(), "other", entries...)
		w.must(err)
		sameList(w, "refunds of another payment system", got, nil)
	}},
	{"finds payments of refunds by key and by reference", func(w *world) {
		byKey, byRef := w.paid(), w.paid()
		w.paid()
		entries := []ports.RefundEntry{{Payment: byKey.pay.ID}, {PaymentRef: byRef.pay.ProviderRef}, {Payment: "no UUID", PaymentRef: "pi_8"}, {}}
		got, err := w.Refunds.PaymentsNamed(w.Context(), system, entries...)
		w.must(err)
		found := make(map[billing.PaymentID]billing.Payment)
		for _, p := range got {
			found[p.ID] = p
		}
		same(w, "payments", found, map[billing.PaymentID]billing.Payment{byKey.pay.ID: byKey.pay, byRef.pay.ID: byRef.pay})
	}},
}

func (w *world) wantListed(from time.Time, want ...billing.Refund) {
	w.Helper()
	var got []billing.Refund
	w.must(w.Refunds.Refunded(w.Context(), system, from, func(r billing.Refund) error {
		got = append(got, r)
		return nil
	}))
	same(w, "refunds", byRefundID(got), byRefundID(want))
}

func byRefundID(list []billing.Refund) map[billing.RefundID]billing.Refund {
	m := make(map[billing.RefundID]billing.Refund, len(list))
	for _, r := range list {
		m[r.ID] = r
	}
	return m
}
