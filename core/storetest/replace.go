package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// replacePromises are about writing over what was read in an earlier transaction.
var replacePromises = []promise{
	{"writes what nobody has written since", func(w *world) {
		c := w.inFlight()
		w.locked(c.deal) // writes nothing
		w.must(w.try(c.replace))
		same(w, "stored", w.locked(c.deal), c.renewed())
	}},
	{"is once: the second has changed it", func(w *world) {
		c := w.inFlight()
		w.must(w.try(c.replace))
		w.wantErr(w.try(c.replace), ports.ErrChanged)
	}},
	{"keeps what was written since, and nothing else of its transaction", func(w *world) {
		for name, write := range meanwhile {
			c, untouched := w.inFlight(), w.inFlight()
			w.tx(func(ctx context.Context, tx ports.Repos) error { return write(ctx, tx, c.deal) })
			before := w.locked(c.deal)
			err := w.try(func(ctx context.Context, tx ports.Repos) error {
				return errors.Join(untouched.replace(ctx, tx), c.replace(ctx, tx))
			})
			if w.wantErr(err, ports.ErrChanged); w.Failed() {
				w.Fatal(name)
			}
			same(w, name, w.locked(c.deal), before)
			same(w, "the other of its transaction", w.locked(untouched.deal), untouched.deal)
		}
	}},
	{"waits for who is writing, and keeps that", func(w *world) {
		for name, write := range meanwhile {
			c := w.inFlight()
			err := w.checkWaits(c.written(write), c.replace)
			if w.wantErr(err, ports.ErrChanged); w.Failed() {
				w.Fatal(name)
			}
		}
	}},
	{"waits for who is writing, and writes when nothing came of that", func(w *world) {
		for _, write := range meanwhile {
			c := w.inFlight()
			w.must(w.checkWaitsUntil(c.written(write), c.replace, errOnPurpose))
			same(w, "stored", w.locked(c.deal), c.renewed())
		}
	}},
	{"with the zero version is for what is locked", func(w *world) {
		c := w.inFlight()
		w.tx(func(ctx context.Context, tx ports.Repos) error { return meanwhile["cancelled"](ctx, tx, c.deal) })
		c.version = 0
		w.must(w.try(c.replace))
	}},
}

// meanwhile are changes that come between a claim and its record.
var meanwhile = map[string]func(context.Context, ports.Repos, deal) error{
	"cancelled": func(ctx context.Context, tx ports.Repos, d deal) error {
		d.sub.CancelAtPeriodEnd = true
		return tx.Subscriptions.Save(ctx, d.sub)
	},
	"cancelled and resumed, as it was before": func(ctx context.Context, tx ports.Repos, d deal) error {
		return tx.Subscriptions.Save(ctx, d.sub)
	},
	"contradicted": func(ctx context.Context, tx ports.Repos, d deal) error {
		d.pay.Contradiction = "took something else"
		return tx.Payments.Save(ctx, d.pay)
	},
	"looked at by a sweep": func(ctx context.Context, tx ports.Repos, d deal) error {
		if err := tx.Payments.ReleaseSweep(ctx, d.payKey()); err != nil {
			return err
		}
		_, err := tx.Payments.LeaseForSweep(ctx, time.Hour, 1000)
		return err
	},
}

// flight is a renewal that a run has claimed.
type flight struct {
	deal
	version ports.RowVersion
}

func (w *world) inFlight() flight {
	w.Helper()
	d := w.paid()
	var c flight
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		due, err := tx.Subscriptions.LockDue(ctx, ports.DueQuery{Now: horizon, Systems: []string{system}, Limit: 1000})
		if err != nil {
			return err
		}
		for _, one := range due {
			if one.ID == d.sub.ID {
				s, p, _, _ := one.Bill(newIDOf[billing.PaymentID](), one.Method, billing.Calendar{}, horizon)
				c = flight{deal{s, p}, one.Version}
				return errors.Join(tx.Payments.Add(ctx, time.Hour, p), tx.Subscriptions.Save(ctx, s))
			}
		}
		return errors.New("what is paid for is not due")
	})
	return c
}

// renewed is what the payment system's yes makes of it.
func (c flight) renewed() deal {
	s, p, _ := c.sub.Settle(c.pay, billing.Outcome{Status: billing.PaymentSucceeded, Amount: c.pay.Amount}, billing.RetrySchedule{}, horizon)
	return deal{s, p}
}

// written is a transaction that has written: a store may keep what is to be
// written until something is asked of it.
func (c flight) written(write func(context.Context, ports.Repos, deal) error) work {
	return func(ctx context.Context, tx ports.Repos) error {
		if err := write(ctx, tx, c.deal); err != nil {
			return err
		}
		_, err := tx.Subscriptions.Lock(ctx, c.subKey())
		return err
	}
}

func (c flight) replace(ctx context.Context, tx ports.Repos) error {
	r := c.renewed()
	if err := tx.Subscriptions.Replace(ctx, []ports.RowVersion{c.version}, r.sub); err != nil {
		return err
	}
	return tx.Payments.Replace(ctx, []ports.RowVersion{c.version}, r.pay)
}
