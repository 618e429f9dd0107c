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
		w.wantSwept(time.Hour) // the sweep skips a payment with a send lease
	}},
	{"is released by a sender that did not send", func(w *world) {
		d := w.subscribe(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Leases.ReleaseUnsent(ctx, d.payKey(), ports.PaymentKey{User: d.pay.UserID, ID: newIDOf[billing.PaymentID]()})
		})
		w.wantSwept(0, ports.Unsettled{Payment: d.pay, SendWindowClosed: true})
		sameList(w, "granted", w.resend(time.Hour, d.payKey()), []ports.PaymentKey{d.payKey()})
	}},
	{"is not released with another user's key", func(w *world) {
		d := w.subscribe(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Leases.ReleaseUnsent(ctx, ports.PaymentKey{User: newIDOf[billing.UserID](), ID: d.pay.ID})
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
			return tx.Leases.ReleaseUnsent(ctx, ports.PaymentKey{User: next.UserID, ID: next.ID})
		})
		w.wantSendRemaining(0, 0)
	}},
}

func (w *world) resend(send time.Duration, keys ...ports.PaymentKey) (granted []ports.PaymentKey) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		granted, err = tx.Leases.LeaseForResend(ctx, send, keys...)
		return err
	})
	return granted
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
