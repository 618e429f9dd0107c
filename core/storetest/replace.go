package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// replaceCases write rows that were read in an earlier transaction.
var replaceCases = []testCase{
	{"writes unchanged rows", func(w *world) {
		c := w.claimRenewal()
		w.locked(c.purchase) // writes nothing
		w.must(w.try(c.replace))
		same(w, "stored", w.locked(c.purchase), c.renewed())
	}},
	{"fails the second time", func(w *world) {
		c := w.claimRenewal()
		w.must(w.try(c.replace))
		w.wantErr(w.try(c.replace), ports.ErrChanged)
	}},
	{"fails after another write, and rolls back its transaction", func(w *world) {
		for name, write := range concurrentWrites {
			c, untouched := w.claimRenewal(), w.claimRenewal()
			w.tx(func(ctx context.Context, tx ports.Repos) error { return write(ctx, tx, c.purchase) })
			before := w.locked(c.purchase)
			err := w.try(func(ctx context.Context, tx ports.Repos) error {
				return errors.Join(untouched.replace(ctx, tx), c.replace(ctx, tx))
			})
			if w.wantErr(err, ports.ErrChanged); w.Failed() {
				w.Fatal(name)
			}
			same(w, name, w.locked(c.purchase), before)
			same(w, "the other purchase of the transaction", w.locked(untouched.purchase), untouched.purchase)
		}
	}},
	{"waits for another write, and fails after its commit", func(w *world) {
		for name, write := range concurrentWrites {
			c := w.claimRenewal()
			err := w.wantBlocked(c.written(write), c.replace)
			if w.wantErr(err, ports.ErrChanged); w.Failed() {
				w.Fatal(name)
			}
		}
	}},
	{"waits for another write, and succeeds after its rollback", func(w *world) {
		for _, write := range concurrentWrites {
			c := w.claimRenewal()
			w.must(w.wantBlockedUntil(c.written(write), c.replace, errOnPurpose))
			same(w, "stored", w.locked(c.purchase), c.renewed())
		}
	}},
	{"with the zero version skips the check", func(w *world) {
		c := w.claimRenewal()
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return concurrentWrites["cancelled"](ctx, tx, c.purchase)
		})
		c.version = 0
		w.must(w.try(c.replace))
	}},
}

// concurrentWrites are writes between a claim and its record.
var concurrentWrites = map[string]func(context.Context, ports.Repos, purchase) error{
	"cancelled": func(ctx context.Context, tx ports.Repos, d purchase) error {
		d.sub.CancelAtPeriodEnd = true
		return tx.Subscriptions.Save(ctx, d.sub)
	},
	"cancelled and resumed": func(ctx context.Context, tx ports.Repos, d purchase) error {
		return tx.Subscriptions.Save(ctx, d.sub)
	},
	"contradicted": func(ctx context.Context, tx ports.Repos, d purchase) error {
		d.pay.Contradiction = "another amount was taken"
		return tx.Payments.Save(ctx, d.pay)
	},
	"leased by a sweep": func(ctx context.Context, tx ports.Repos, d purchase) error {
		if err := tx.Leases.ReleaseSweep(ctx, d.payKey()); err != nil {
			return err
		}
		_, err := tx.Leases.LeaseForSweep(ctx, sweepOf(time.Hour, 1000))
		return err
	},
}

// claimedRenewal is a renewal that a run has claimed, with the version of its rows.
type claimedRenewal struct {
	purchase
	version ports.RowVersion
}

// claimRenewal claims the renewal of a new subscription.
func (w *world) claimRenewal() claimedRenewal {
	w.Helper()
	d := w.subscribePaid()
	var c claimedRenewal
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		due, err := tx.Due.LockDue(ctx, ports.DueQuery{Now: allDue, Systems: []string{system}, Limit: 1000})
		if err != nil {
			return err
		}
		for _, one := range due {
			if one.ID == d.sub.ID {
				s, p, _, _ := one.Bill(newIDOf[billing.PaymentID](), one.Method, billing.Calendar{}, allDue)
				c = claimedRenewal{purchase{s, p}, one.Version}
				return errors.Join(tx.Payments.Add(ctx, time.Hour, p), tx.Subscriptions.Save(ctx, s))
			}
		}
		return errors.New("the new subscription is not due")
	})
	return c
}

// renewed returns the purchase after a successful charge.
func (c claimedRenewal) renewed() purchase {
	s, p, _ := c.sub.Settle(c.pay, billing.Outcome{Status: billing.PaymentSucceeded, Amount: c.pay.Amount}, billing.RetrySchedule{}, billing.Calendar{}, c.pay.Period.Start)
	return purchase{s, p}
}

// written is a transaction that has written. It ends with a read, because a store may
// queue writes until the next read.
func (c claimedRenewal) written(write func(context.Context, ports.Repos, purchase) error) txFunc {
	return func(ctx context.Context, tx ports.Repos) error {
		if err := write(ctx, tx, c.purchase); err != nil {
			return err
		}
		_, err := tx.Subscriptions.Lock(ctx, c.subKey())
		return err
	}
}

func (c claimedRenewal) replace(ctx context.Context, tx ports.Repos) error {
	r := c.renewed()
	if err := tx.Subscriptions.SaveIfUnchanged(ctx, ports.Versioned[billing.Subscription]{Record: r.sub, Version: c.version}); err != nil {
		return err
	}
	return tx.Payments.SaveIfUnchanged(ctx, ports.Versioned[billing.Payment]{Record: r.pay, Version: c.version})
}
