package storetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var sweepCases = []testCase{
	{"takes a payment whose send window is over", func(w *world) {
		d := w.subscribe(0)
		w.wantSwept(time.Hour, swept{d.pay, true})
	}},
	{"skips a payment in its send window", func(w *world) {
		w.subscribe(time.Hour)
		w.wantSwept(time.Hour)
	}},
	{"takes a released payment in its send window", func(w *world) {
		d := w.subscribe(time.Hour)
		w.release(d.payKey())
		w.wantSwept(0, swept{d.pay, false})
		w.wantSwept(0, swept{d.pay, false})
	}},
	{"leases payments until the lease elapses", func(w *world) {
		d := w.subscribe(0)
		taken := swept{d.pay, true}
		w.wantSwept(0, taken)
		w.wantSwept(-time.Hour, taken)
		w.wantSwept(time.Hour, taken)
		w.wantSwept(time.Hour)
		w.release(d.payKey())
		w.wantSwept(time.Hour, taken)
	}},
	{"skips settled payments", func(w *world) {
		d := w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		w.wantSwept(0)
		w.release(d.payKey())
		w.wantSwept(0)
		same(w, "payment", w.locked(d).pay, d.pay)
	}},
	{"keeps lease and send window of a payment saved as pending", func(w *world) {
		free, leased := w.settle(w.subscribe(0), billing.PaymentPending, noon), w.subscribe(time.Hour)
		w.settle(leased, billing.PaymentPending, noon)
		w.wantSwept(time.Hour, swept{free.pay, true})
	}},
	{"is not released by another user's key", func(w *world) {
		d := w.subscribe(time.Hour)
		w.release(ports.PaymentKey{User: newIDOf[billing.UserID](), ID: d.pay.ID})
		w.wantSwept(0)
	}},
	{"takes the oldest payments, up to the limit", func(w *world) {
		young, old := w.subscribe(-time.Hour), w.subscribe(-2*time.Hour)
		for _, want := range []purchase{old, young} {
			taken, err := w.sweep(time.Hour, 1)
			w.must(err)
			same(w, "taken", sweptOf(taken), []swept{{want.pay, true}})
		}
	}},
	{"rolls back leases with its transaction", func(w *world) {
		d := w.subscribe(0)
		err := w.try(func(ctx context.Context, tx ports.Repos) error {
			if _, err := tx.Leases.LeaseForSweep(ctx, sweepOf(time.Hour, 10)); err != nil {
				return err
			}
			return errOnPurpose
		})
		w.wantErr(err, errOnPurpose)
		w.wantSwept(0, swept{d.pay, true})
	}},
	{"leases a payment for half of its age", func(w *world) {
		w.wantInterval(-4*time.Hour, billing.LookupInterval{Min: -9 * time.Hour, Max: time.Hour}, -2*time.Hour)
	}},
	{"leases a payment for at least the minimum", func(w *world) {
		w.wantInterval(-4*time.Hour, billing.LookupInterval{Min: -time.Hour, Max: time.Hour}, -time.Hour)
	}},
	{"leases a payment for at most the maximum", func(w *world) {
		w.wantInterval(4*time.Hour, billing.LookupInterval{Min: -9 * time.Hour, Max: -3 * time.Hour}, -3*time.Hour)
	}},
	{"takes a payment that a notification names, before its lease ends", func(w *world) {
		byKey, byRef, other := w.subscribe(time.Hour), w.subscribe(time.Hour), w.subscribe(time.Hour)
		byRef.pay.ProviderRef = "ref 7"
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Payments.Save(ctx, byRef.pay) })
		settled := w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		for _, c := range []struct {
			system string
			notice ports.Notice
			found  bool
		}{
			{system, ports.Notice{Key: byKey.pay.ID}, true},
			{system, ports.Notice{ProviderRef: "ref 7"}, true},
			{system, ports.Notice{Key: settled.pay.ID}, false},
			{system, ports.Notice{Key: newIDOf[billing.PaymentID]()}, false},
			{system, ports.Notice{Key: "no UUID", ProviderRef: "ref 8"}, false},
			{system, ports.Notice{}, false},
			{"other", ports.Notice{Key: other.pay.ID}, false},
		} {
			w.tx(func(ctx context.Context, tx ports.Repos) error {
				found, err := tx.Notices.LookUpNow(ctx, c.system, c.notice)
				if found != c.found {
					w.Errorf("LookUpNow(%s, %+v) = %t, want %t", c.system, c.notice, found, c.found)
				}
				return err
			})
		}
		taken, err := w.sweep(time.Hour, 10)
		w.must(err)
		if got := sweptOf(taken); len(got) != 2 || got[0].windowClosed || got[1].windowClosed {
			w.Errorf("the sweep took %+v, want the two payments in their send windows", got)
		}
	}},
	{"takes the payments of one payment system", func(w *world) {
		w.wantSystemsToSweep()
		d := w.subscribe(0)
		w.wantSystemsToSweep(system)
		other := sweepOf(time.Hour, 10)
		other.System = "other"
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			leased, err := tx.Leases.LeaseForSweep(ctx, other)
			sameList(w, "leased for another payment system", leased, nil)
			return err
		})
		w.wantSwept(time.Hour, swept{d.pay, true})
		w.wantSystemsToSweep() // it is leased
	}},
	{"shares no payment with a concurrent sweep", func(w *world) {
		const payments = 20
		for range payments {
			w.subscribe(0)
		}
		var wg sync.WaitGroup
		shares := make([][]ports.Unsettled, 2)
		errs := make([]error, len(shares))
		for i := range shares {
			wg.Go(func() { shares[i], errs[i] = w.sweepRepeatedly(payments, 3) })
		}
		wg.Wait()
		rest, err := w.sweep(time.Hour, payments) // rows that each sweep saw locked by the other
		w.must(err)
		w.must(errs[0])
		w.must(errs[1])
		w.wantEachOnce(slices.Concat(shares[0], shares[1], rest), payments)
	}},
}

// sweepOf leases up to limit payments for a fixed time.
func sweepOf(lease time.Duration, limit int) ports.SweepQuery {
	return ports.SweepQuery{System: system, Interval: billing.LookupInterval{Min: lease, Max: lease}, Limit: limit}
}

func (w *world) sweep(lease time.Duration, limit int) (taken []ports.Unsettled, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		taken, err = tx.Leases.LeaseForSweep(ctx, sweepOf(lease, limit))
		return err
	})
	return taken, err
}

func (w *world) sweepRepeatedly(times, limit int) (all []ports.Unsettled, err error) {
	for range times {
		taken, err := w.sweep(time.Hour, limit)
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
		w.Errorf("the sweeps took %d payments, %d different, want %d", len(taken), len(seen), n)
	}
}

func (w *world) wantSwept(lease time.Duration, want ...swept) {
	w.Helper()
	got, err := w.sweep(lease, 10)
	w.must(err)
	sameList(w, "taken", sweptOf(got), want)
}

// wantInterval leases a payment of the given age, and compares the next sweep with
// those of two payments that are due five minutes before and after. The interval is
// negative, so that all three are due.
func (w *world) wantInterval(age time.Duration, i billing.LookupInterval, want time.Duration) {
	w.Helper()
	d := w.subscribe(-age)
	w.release(d.payKey())
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		_, err := tx.Leases.LeaseForSweep(ctx, ports.SweepQuery{System: system, Interval: i, Limit: 1})
		return err
	})
	after, before := w.subscribe(want+5*time.Minute), w.subscribe(want-5*time.Minute)
	for _, next := range []purchase{before, d, after} {
		taken, err := w.sweep(time.Hour, 1)
		w.must(err)
		same(w, "taken", sweptOf(taken), []swept{{next.pay, next != d || age > 0}})
	}
}

func (w *world) wantSystemsToSweep(want ...string) {
	w.Helper()
	got, err := w.Store.Views().SystemsToSweep(w.Context())
	w.must(err)
	sameList(w, "payment systems", got, want)
}

// swept is what a sweep leased. The times are on the store's clock, so only their order
// is compared.
type swept struct {
	payment      billing.Payment
	windowClosed bool
}

func sweptOf(list []ports.Unsettled) []swept {
	short := make([]swept, len(list))
	for i, u := range list {
		short[i] = swept{u.Payment, u.Times.WindowClosed()}
	}
	return short
}

func (w *world) release(keys ...ports.PaymentKey) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Leases.ReleaseSweep(ctx, keys...) })
}
