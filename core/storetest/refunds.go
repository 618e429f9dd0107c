package storetest

import (
	"context"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var refundCases = []testCase{
	{"stores every field", func(w *world) {
		d := w.paid()
		r := d.refund(1)
		r.EndNow, r.By, r.Reason = true, "ann", "пять дней без картинки"
		w.must(w.addRefund(r))
		same(w, "refunds", w.refundsOf(d), []billing.Refund{r})
		r.Status, r.DeclineCode, r.ProviderRef, r.SettledAt = billing.PaymentSucceeded, "", "re_1", noon.Add(time.Hour)
		r.ReviewSince = noon.Add(time.Minute)
		w.saveRefund(r)
		same(w, "refunds", w.refundsOf(d), []billing.Refund{r})
		view, err := w.Store.Views().Refunds(w.Context(), d.pay.UserID, d.pay.ID)
		w.must(err)
		same(w, "view", view, []billing.Refund{r})
		view, err = w.Store.Views().Refunds(w.Context(), newIDOf[billing.UserID](), d.pay.ID)
		w.must(err)
		sameList(w, "view of another user", view, nil)
	}},
	{"reserves its amount", func(w *world) {
		d := w.paid()
		first := d.refund(30000)
		w.must(w.addRefund(first))
		w.wantRefunded(d, 30000)
		first.Status, first.SettledAt = billing.PaymentSucceeded, noon
		w.saveRefund(first)
		w.wantRefunded(d, 30000)
		w.wantErr(w.addRefund(d.refund(9901)), billing.ErrRefundExceedsPayment)
		w.must(w.addRefund(d.refund(9900)))
		w.wantRefunded(d, 39900)
		w.wantErr(w.addRefund(d.refund(1)), billing.ErrRefundExceedsPayment)
	}},
	{"is refused in another currency", func(w *world) {
		r := w.paid().refund(1)
		r.Amount.Currency = "USD"
		w.wantErr(w.addRefund(r), billing.ErrRefundExceedsPayment)
	}},
	{"is refused while another one of the payment is pending", func(w *world) {
		d := w.paid()
		w.must(w.addRefund(d.refund(1)))
		w.wantErr(w.addRefund(d.refund(1)), billing.ErrRefundOpen)
		w.wantRefunded(d, 1)
	}},
	{"is refused with the id of another one", func(w *world) {
		d := w.paid()
		r := d.refund(1)
		r.Status, r.SettledAt = billing.PaymentSucceeded, noon
		w.must(w.addRefund(r))
		w.wantErr(w.addRefund(r), billing.ErrAlreadyExists)
		w.wantRefunded(d, 1)
	}},
	{"is never sent if it is stored as settled", func(w *world) {
		r := w.paid().refund(1)
		r.Status, r.SettledAt = billing.PaymentSucceeded, noon
		w.must(w.addRefund(r))
		w.wantRefunds()
	}},
	{"releases its amount when it fails, and only once", func(w *world) {
		for _, from := range []billing.PaymentStatus{billing.PaymentPending, billing.PaymentSucceeded} {
			for _, to := range []billing.PaymentStatus{billing.PaymentDeclined, billing.PaymentAbandoned} {
				d := w.paid()
				r := d.refund(500)
				w.must(w.addRefund(r))
				if from == billing.PaymentSucceeded {
					r.Status, r.SettledAt = from, noon
					w.saveRefund(r)
				}
				r.Status, r.DeclineCode, r.SettledAt = to, billing.GenericDecline, noon
				w.saveRefund(r)
				w.wantRefunded(d, 0)
				w.saveRefund(r)
				w.wantRefunded(d, 0)
				w.must(w.addRefund(d.refund(39900)))
			}
		}
	}},
	{"keeps its amount when the payment is saved", func(w *world) {
		d := w.paid()
		w.must(w.addRefund(d.refund(700)))
		d.pay.ProviderRef = "ref_2"
		w.save(d) // as it was read before the refund
		w.wantRefunded(d, 700)
	}},
	{"two at once never exceed the payment", func(w *world) {
		d := w.paid()
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			r := d.refund(30000)
			r.Status, r.SettledAt = billing.PaymentSucceeded, noon
			wg.Go(func() { errs[i] = w.addRefund(r) })
		}
		wg.Wait()
		added := 0
		for _, err := range errs {
			if err == nil {
				added++
				continue
			}
			w.wantErr(err, billing.ErrRefundExceedsPayment)
		}
		same(w, "added", added, 1)
		w.wantRefunded(d, 30000)
	}},
	{"of a late charge is stored with the time of the discovery", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentAbandoned, noon)
		d.pay.ChargedLateAt = noon.Add(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.SaveReview(ctx, d.pay) })
		same(w, "payment", w.locked(d).pay, d.pay)
		w.must(w.addRefund(d.refund(39900)))
		w.wantRefunded(d, 39900)
	}},
}

var refundLeaseCases = []testCase{
	{"a new refund can be sent at once, by one process", func(w *world) {
		w.wantSystemsToRefund()
		r := w.paid().refund(1)
		w.must(w.addRefund(r))
		w.wantSystemsToRefund(system)
		leased := w.wantRefunds(r)
		if t := leased[0].Times; !t.First.IsZero() || !t.WindowClosed() {
			w.Errorf("times %+v, want never sent, and no send window", t)
		}
		same(w, "granted", w.leaseForSend(time.Hour, leased...), []ports.RefundKey{ports.KeyOfRefund(&r)})
		sameList(w, "granted again", w.leaseForSend(time.Hour, leased...), nil)
		w.wantRefunds()
		w.wantSystemsToRefund()
	}},
	{"an absence of an earlier send window grants nothing", func(w *world) {
		r := w.paid().refund(1)
		w.must(w.addRefund(r))
		early := w.wantRefunds(r)
		w.leaseForSend(-time.Minute, early...)
		late := w.wantRefunds(r)
		if t := late[0].Times; t.First.IsZero() || !t.WindowClosed() {
			w.Errorf("times %+v, want a first sending, and a send window that is over", t)
		}
		sameList(w, "granted", w.leaseForSend(0, early...), nil)
		same(w, "granted", len(w.leaseForSend(0, late...)), 1)
	}},
	{"a refund that was not sent can be sent again", func(w *world) {
		for _, never := range []bool{false, true} {
			r := w.paid().refund(1)
			w.must(w.addRefund(r))
			w.leaseForSend(time.Hour, w.wantRefunds(r)...)
			w.tx(func(ctx context.Context, tx ports.Repos) error {
				if err := tx.RefundLeases.ReleaseUnsent(ctx, ports.KeyOfRefund(&r), never); err != nil {
					return err
				}
				_, err := tx.Notices.LookUpNow(ctx, system, ports.Notice{Refund: r.ID})
				return err
			})
			leased := w.wantRefunds(r)
			if leased[0].Times.First.IsZero() != never || !leased[0].Times.WindowClosed() {
				w.Errorf("never %t: times %+v", never, leased[0].Times)
			}
			same(w, "granted", len(w.leaseForSend(time.Hour, leased...)), 1)
		}
	}},
	{"a settled refund is not sent", func(w *world) {
		r := w.paid().refund(1)
		w.must(w.addRefund(r))
		leased := w.wantRefunds(r)
		r.Status, r.SettledAt = billing.PaymentSucceeded, noon
		w.saveRefund(r)
		sameList(w, "granted", w.leaseForSend(0, leased...), nil)
	}},
	{"a notification brings a pending or succeeded refund forward", func(w *world) {
		byKey, byRef := w.paid().refund(1), w.paid().refund(1)
		failed, other := w.paid().refund(1), w.paid().refund(1)
		for _, r := range []billing.Refund{byKey, byRef, failed, other} {
			w.must(w.addRefund(r))
		}
		byRef.Status, byRef.ProviderRef, byRef.SettledAt = billing.PaymentSucceeded, "re_7", noon
		failed.Status, failed.ProviderRef, failed.SettledAt = billing.PaymentDeclined, "re_8", noon
		w.saveRefund(byRef)
		w.saveRefund(failed)
		w.wantRefunds(byKey, other) // leased for an hour
		for _, c := range []struct {
			system string
			notice ports.Notice
			found  bool
		}{
			{system, ports.Notice{Refund: byKey.ID}, true},
			{system, ports.Notice{RefundRef: "re_7"}, true},
			{system, ports.Notice{RefundRef: "re_8"}, false},
			{system, ports.Notice{Refund: "no UUID", RefundRef: "re_9"}, false},
			{"other", ports.Notice{Refund: other.ID}, false},
		} {
			w.tx(func(ctx context.Context, tx ports.Repos) error {
				found, err := tx.Notices.LookUpNow(ctx, c.system, c.notice)
				same(w, "found", found, c.found)
				return err
			})
		}
		w.wantRefunds(byKey, byRef)
		w.saveRefund(byRef) // it was looked up
		w.wantRefunds()
	}},
	{"sweeps take the refunds of one payment system", func(w *world) {
		w.must(w.addRefund(w.paid().refund(1)))
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			q := sweepOf(time.Hour, 10)
			q.System = "other"
			leased, err := tx.RefundLeases.LeaseForSweep(ctx, q)
			sameList(w, "leased for another payment system", leased, nil)
			return err
		})
	}},
}

// paid stores a purchase whose payment has succeeded.
func (w *world) paid() purchase {
	w.Helper()
	return w.settle(w.subscribe(0), billing.PaymentSucceeded, noon)
}

// refund returns a pending refund of the payment. It is not stored.
func (d purchase) refund(kopecks int64) billing.Refund {
	return billing.Refund{
		ID: newIDOf[billing.RefundID](), UserID: d.pay.UserID, PaymentID: d.pay.ID, SubscriptionID: d.sub.ID, PaymentSystem: system,
		Amount: rub(kopecks), By: "ann", Reason: "x", Status: billing.PaymentPending, CreatedAt: noon,
	}
}

func (w *world) addRefund(r billing.Refund) error {
	return w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Refunds.Add(ctx, r) })
}

// saveRefund locks and saves a refund.
func (w *world) saveRefund(r billing.Refund) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		found, err := tx.Refunds.Lock(ctx, ports.KeyOfRefund(&r), ports.RefundKey{User: newIDOf[billing.UserID](), ID: r.ID})
		if err != nil {
			return err
		}
		same(w, "locked", len(found), 1)
		return tx.Refunds.Save(ctx, r)
	})
}

func (w *world) refundsOf(d purchase) (list []billing.Refund) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		list, err = tx.Refunds.OfPayment(ctx, d.payKey())
		return err
	})
	return list
}

func (w *world) wantRefunded(d purchase, kopecks int64) {
	w.Helper()
	same(w, "refunded", w.locked(d).pay.Refunded, kopecks)
}

// wantRefunds leases the refunds that a sweep takes, in any order, for an hour.
func (w *world) wantRefunds(want ...billing.Refund) (leased []ports.UnsettledRefund) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		leased, err = tx.RefundLeases.LeaseForSweep(ctx, sweepOf(time.Hour, 10))
		return err
	})
	got := make(map[billing.RefundID]billing.Refund)
	for _, u := range leased {
		got[u.ID] = u.Refund
	}
	expected := make(map[billing.RefundID]billing.Refund)
	for _, r := range want {
		expected[r.ID] = r
	}
	same(w, "leased", got, expected)
	return leased
}

func (w *world) leaseForSend(send time.Duration, leased ...ports.UnsettledRefund) (granted []ports.RefundKey) {
	w.Helper()
	absent := make([]ports.RefundAbsence, len(leased))
	for i, u := range leased {
		absent[i] = ports.RefundAbsence{RefundKey: ports.KeyOfRefund(&u.Refund), SendUntil: u.Times.Until}
	}
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		granted, err = tx.RefundLeases.LeaseForSend(ctx, send, absent...)
		return err
	})
	return granted
}

func (w *world) wantSystemsToRefund(want ...string) {
	w.Helper()
	got, err := w.Store.Views().SystemsToRefund(w.Context())
	w.must(err)
	sameList(w, "payment systems", got, want)
}
