package storetest

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var resendCases = []testCase{
	{"is granted once, after the send window", func(w *world) {
		over, running := w.subscribe(0), w.subscribe(time.Hour)
		settled := w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		keys := []ports.PaymentKey{
			over.payKey(), running.payKey(), settled.payKey(), {User: newIDOf[billing.UserID](), ID: over.pay.ID},
		}
		sameList(w, "granted", w.resend(time.Hour, keys...), []ports.PaymentKey{over.payKey()})
		sameList(w, "granted again", w.resend(time.Hour, keys...), nil)
	}},
	{"hides the payment from sweeps", func(w *world) {
		d := w.subscribe(0)
		sameList(w, "granted", w.resend(time.Hour, d.payKey()), []ports.PaymentKey{d.payKey()})
		w.wantSwept(time.Hour)
	}},
	{"is refused for an absence of an earlier send window", func(w *world) {
		d := w.subscribe(0)
		earlier := w.observe(d.payKey())
		sameList(w, "granted to another sweep", w.resend(0, d.payKey()), []ports.PaymentKey{d.payKey()})
		var granted []ports.PaymentKey
		w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
			granted, err = tx.Leases.LeaseForResend(ctx, time.Hour, earlier...)
			return err
		})
		sameList(w, "granted", granted, nil)
		sameList(w, "granted for a new absence", w.resend(time.Hour, d.payKey()), []ports.PaymentKey{d.payKey()})
	}},
	{"does not move the first sending", func(w *world) {
		d := w.subscribe(0)
		first := w.times(d).First
		w.resend(0, d.payKey())
		if t := w.times(d); !t.First.Equal(first) || !t.First.Before(t.Until) || t.Until.After(t.Lookup) {
			w.Errorf("the times are %v after a second sending, want first %v, then the window, then the lookup", t, first)
		}
	}},
	{"is the first sending if no process has sent the payment", func(w *world) {
		d := w.subscribePaid()
		next := d.next(1)
		w.must(w.addPayment(0, next))
		key := ports.PaymentKey{User: next.UserID, ID: next.ID}
		d.pay = next
		before := w.times(d).First
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Leases.ReleaseUnsent(ctx, ports.Unsent{Never: true}, key)
		})
		if t := w.times(d); !t.First.IsZero() {
			w.Errorf("the first sending is %v, want none yet", t.First)
		}
		w.resend(time.Hour, key)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Leases.ReleaseUnsent(ctx, ports.Unsent{Never: true, Swept: true}, key)
		})
		w.wantSwept(0) // the lease of the sweep goes on
		if t := w.times(d); !t.First.IsZero() || !t.WindowClosed() {
			w.Errorf("the times are %+v after a resend that was not sent, want no sending and no window", t)
		}
		w.resend(0, key)
		if t := w.times(d); !t.First.After(before) || t.First.After(t.Until) {
			w.Errorf("the first sending is %v, want that of the resend until %v", t.First, t.Until)
		}
	}},
	{"is released by a sender that did not send", func(w *world) {
		d := w.subscribe(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Leases.ReleaseUnsent(ctx, ports.Unsent{}, d.payKey(), ports.PaymentKey{User: d.pay.UserID, ID: newIDOf[billing.PaymentID]()})
		})
		w.wantSwept(0, swept{d.pay, true})
		sameList(w, "granted", w.resend(time.Hour, d.payKey()), []ports.PaymentKey{d.payKey()})
	}},
	{"is not released with another user's key", func(w *world) {
		d := w.subscribe(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Leases.ReleaseUnsent(ctx, ports.Unsent{}, ports.PaymentKey{User: newIDOf[billing.UserID](), ID: d.pay.ID})
		})
		w.wantSwept(0)
	}},
	{"remains for the longest send lease of a renewal", func(w *world) {
		w.subscribe(time.Hour) // customer-initiated, does not count
		d := w.subscribePaid()
		w.wantSendRemaining(0, 0)
		next := d.next(1)
		w.must(w.addPayment(time.Hour, next))
		w.wantSendRemaining(59*time.Minute, time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Leases.ReleaseUnsent(ctx, ports.Unsent{}, ports.PaymentKey{User: next.UserID, ID: next.ID})
		})
		w.wantSendRemaining(0, 0)
	}},
	{"remains for the send lease of one pending payment", func(w *world) {
		running, over := w.subscribe(time.Hour), w.subscribe(0)
		settled := w.settle(w.subscribe(time.Hour), billing.PaymentDeclined, noon)
		for _, c := range []struct {
			key         ports.PaymentKey
			least, most time.Duration
		}{
			{running.payKey(), 59 * time.Minute, time.Hour},
			{ports.PaymentKey{User: newIDOf[billing.UserID](), ID: running.pay.ID}, 0, 0},
			{over.payKey(), 0, 0},
			{settled.payKey(), 0, 0},
		} {
			w.tx(func(ctx context.Context, tx ports.Repos) error {
				got, err := tx.Leases.SendRemaining(ctx, c.key)
				if got < c.least || got > c.most {
					w.Errorf("the send lease of %v ends in %v, want %v to %v", c.key, got, c.least, c.most)
				}
				return err
			})
		}
	}},
}

func (w *world) resend(send time.Duration, keys ...ports.PaymentKey) (granted []ports.PaymentKey) {
	w.Helper()
	absent := w.observe(keys...)
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		granted, err = tx.Leases.LeaseForResend(ctx, send, absent...)
		return err
	})
	return granted
}

// times leases a payment whose send window is over, and returns its times.
func (w *world) times(d purchase) billing.SendTimes {
	w.Helper()
	w.release(d.payKey())
	leased, err := w.sweep(0, 1000)
	w.must(err)
	for _, u := range leased {
		if u.ID == d.pay.ID {
			return u.Times
		}
	}
	w.Fatalf("payment %s was not leased", d.pay.ID)
	return billing.SendTimes{}
}

// observe returns the absences that a sweep would observe now.
func (w *world) observe(keys ...ports.PaymentKey) []ports.Absence {
	w.Helper()
	w.release(keys...)
	var leased []ports.Unsettled
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		leased, err = tx.Leases.LeaseForSweep(ctx, sweepOf(0, 1000))
		return err
	})
	absent := make([]ports.Absence, len(keys))
	for i, k := range keys {
		absent[i].PaymentKey = k
		for _, u := range leased {
			if u.ID == k.ID {
				absent[i].SendUntil = u.Times.Until
			}
		}
	}
	return absent
}

func (w *world) wantSendRemaining(least, most time.Duration) {
	w.Helper()
	var got time.Duration
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		got, err = tx.Leases.MaxSendRemaining(ctx)
		return err
	})
	if got < least || got > most {
		w.Errorf("the longest send lease ends in %v, want %v to %v", got, least, most)
	}
}
