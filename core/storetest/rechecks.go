package storetest

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var recheckCases = []testCase{
	{"takes an abandoned payment when its time has come", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentAbandoned, noon)
		w.wantRechecks(time.Hour)
		w.schedule(time.Hour, 0, d)
		w.wantRechecks(time.Hour)
		w.wantSystemsToSweep()
		w.schedule(-time.Second, 1, d)
		w.wantSystemsToSweep(system)
		got := w.wantRechecks(time.Hour, d)
		if got[0].Checks != 1 || got[0].Times.First.IsZero() || !got[0].Times.WindowClosed() {
			w.Errorf("recheck %+v, want one lookup before and a first sending", got[0])
		}
		w.wantRechecks(time.Hour) // leased
		w.wantSystemsToSweep()
		w.schedule(0, 2, d)
		w.wantRechecks(-time.Hour)
	}},
	{"leaves other payments out", func(w *world) {
		declined := w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		pending := w.subscribe(time.Hour)
		stranger := w.settle(w.subscribe(0), billing.PaymentAbandoned, noon)
		stranger.pay.UserID = newIDOf[billing.UserID]()
		neverSent := w.subscribe(0)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Leases.ReleaseUnsent(ctx, ports.Unsent{Never: true}, neverSent.payKey())
		})
		neverSent = w.settle(neverSent, billing.PaymentAbandoned, noon)
		w.schedule(-time.Second, 0, declined, pending, stranger, neverSent)
		w.wantRechecks(time.Hour)
	}},
	{"takes an abandoned payment that a notification names", func(w *world) {
		byKey := w.settle(w.subscribe(0), billing.PaymentAbandoned, noon)
		byRef := w.settle(w.subscribe(0), billing.PaymentAbandoned, noon)
		for _, n := range []ports.Notice{{Key: byKey.pay.ID}, {ProviderRef: byRef.pay.ProviderRef}} {
			w.tx(func(ctx context.Context, tx ports.Repos) error {
				found, err := tx.Notices.LookUpNow(ctx, system, n)
				same(w, "found", found, true)
				return err
			})
		}
		w.wantRechecks(time.Hour, byKey, byRef)
		same(w, "payment", w.locked(byKey).pay, byKey.pay)
	}},
	{"takes the payments of one payment system", func(w *world) {
		w.schedule(-time.Second, 0, w.settle(w.subscribe(0), billing.PaymentAbandoned, noon))
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			q := sweepOf(time.Hour, 10)
			q.System = "other"
			got, err := tx.Rechecks.LeaseForRecheck(ctx, q)
			sameList(w, "leased for another payment system", got, nil)
			return err
		})
	}},
}

func (w *world) schedule(after time.Duration, checks int, list ...purchase) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		keys := make([]ports.PaymentKey, len(list))
		for i, d := range list {
			keys[i] = d.payKey()
		}
		return tx.Rechecks.Schedule(ctx, after, checks, keys...)
	})
}

// wantRechecks leases the abandoned payments that a sweep takes.
func (w *world) wantRechecks(lease time.Duration, want ...purchase) (got []ports.Recheck) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		got, err = tx.Rechecks.LeaseForRecheck(ctx, sweepOf(lease, 10))
		return err
	})
	found, expected := make(map[billing.PaymentID]billing.Payment), make(map[billing.PaymentID]billing.Payment)
	for _, r := range got {
		found[r.ID] = r.Payment
	}
	for _, d := range want {
		expected[d.pay.ID] = d.pay
	}
	same(w, "rechecks", found, expected)
	return got
}
