package storetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var sweepPromises = []promise{
	{"takes a payment whose send window is over", func(w *world) {
		d := w.open(0)
		w.wantTaken(time.Hour, ports.Unsettled{Payment: d.pay, SendWindowClosed: true})
	}},
	{"leaves a payment that may be sent to its sender", func(w *world) {
		w.open(time.Hour)
		w.wantTaken(time.Hour)
	}},
	{"takes a released payment, which may still be sent", func(w *world) {
		d := w.open(time.Hour)
		w.release(d.payKey())
		w.wantTaken(0, ports.Unsettled{Payment: d.pay})
		w.wantTaken(0, ports.Unsettled{Payment: d.pay})
	}},
	{"keeps what it took for as long as its lease", func(w *world) {
		d := w.open(0)
		taken := ports.Unsettled{Payment: d.pay, SendWindowClosed: true}
		w.wantTaken(0, taken)
		w.wantTaken(-time.Hour, taken)
		w.wantTaken(time.Hour, taken)
		w.wantTaken(time.Hour)
		w.release(d.payKey())
		w.wantTaken(time.Hour, taken)
	}},
	{"never takes what is settled", func(w *world) {
		d := w.settle(w.open(0), billing.PaymentDeclined, noon)
		w.wantTaken(0)
		w.release(d.payKey())
		w.wantTaken(0)
		same(w, "payment", w.locked(d).pay, d.pay)
	}},
	{"takes what was saved as still pending, lease and window as they were", func(w *world) {
		free, leased := w.settle(w.open(0), billing.PaymentPending, noon), w.open(time.Hour)
		w.settle(leased, billing.PaymentPending, noon)
		w.wantTaken(time.Hour, ports.Unsettled{Payment: free.pay, SendWindowClosed: true})
	}},
	{"is released to by the payment's own key only", func(w *world) {
		d := w.open(time.Hour)
		w.release(ports.PaymentKey{User: newIDOf[billing.UserID](), ID: d.pay.ID})
		w.wantTaken(0)
	}},
	{"takes no more than its limit, those first that have waited longest", func(w *world) {
		young, old := w.open(-time.Hour), w.open(-2*time.Hour)
		for _, want := range []deal{old, young} {
			taken, err := w.take(time.Hour, 1)
			w.must(err)
			same(w, "taken", taken, []ports.Unsettled{{Payment: want.pay, SendWindowClosed: true}})
		}
	}},
	{"forgets what it took in a transaction that failed", func(w *world) {
		d := w.open(0)
		err := w.try(func(ctx context.Context, tx ports.Repos) error {
			if _, err := tx.Payments.LeaseForSweep(ctx, time.Hour, 10); err != nil {
				return err
			}
			return errOnPurpose
		})
		w.wantErr(err, errOnPurpose)
		w.wantTaken(0, ports.Unsettled{Payment: d.pay, SendWindowClosed: true})
	}},
	{"shares nothing with another sweep", func(w *world) {
		const payments = 20
		for range payments {
			w.open(0)
		}
		var wg sync.WaitGroup
		shares := make([][]ports.Unsettled, 2)
		errs := make([]error, len(shares))
		for i := range shares {
			wg.Go(func() { shares[i], errs[i] = w.takeAll(payments, 3) })
		}
		wg.Wait()
		rest, err := w.take(time.Hour, payments) // when each saw the other's last ones locked
		w.must(err)
		w.must(errs[0])
		w.must(errs[1])
		w.wantEachOnce(slices.Concat(shares[0], shares[1], rest), payments)
	}},
}

func (w *world) take(lease time.Duration, limit int) (taken []ports.Unsettled, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		taken, err = tx.Payments.LeaseForSweep(ctx, lease, limit)
		return err
	})
	return taken, err
}

func (w *world) takeAll(times, limit int) (all []ports.Unsettled, err error) {
	for range times {
		taken, err := w.take(time.Hour, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, taken...)
	}
	return all, nil
}

func (w *world) wantEachOnce(taken []ports.Unsettled, n int) {
	w.Helper()
	seen := make(map[billing.PaymentID]bool)
	for _, u := range taken {
		seen[u.ID] = true
	}
	if len(taken) != n || len(seen) != n {
		w.Errorf("taken %d, of which %d different, want %d", len(taken), len(seen), n)
	}
}

func (w *world) wantTaken(lease time.Duration, want ...ports.Unsettled) {
	w.Helper()
	got, err := w.take(lease, 10)
	w.must(err)
	sameList(w, "taken", got, want)
}

func (w *world) release(keys ...ports.PaymentKey) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.ReleaseSweep(ctx, keys...) })
}
