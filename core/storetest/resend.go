package storetest

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var resendPromises = []promise{
	{"is for one, once nobody else may send", func(w *world) {
		over, running := w.open(0), w.open(time.Hour)
		settled := w.settle(w.open(0), billing.PaymentDeclined, noon)
		keys := []ports.PaymentKey{
			over.payKey(), running.payKey(), settled.payKey(), {User: newIDOf[billing.UserID](), ID: over.pay.ID},
		}
		sameList(w, "granted", w.resend(time.Hour, keys...), []ports.PaymentKey{over.payKey()})
		sameList(w, "granted again", w.resend(time.Hour, keys...), nil)
		w.wantTaken(time.Hour) // the sweep leaves it to the sender
	}},
	{"is given back at once by a sender that did not send", func(w *world) {
		d := w.open(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Payments.ReleaseUnsent(ctx, d.payKey(), ports.PaymentKey{User: d.pay.UserID, ID: newIDOf[billing.PaymentID]()})
		})
		w.wantTaken(0, ports.Unsettled{Payment: d.pay, SendWindowClosed: true})
		sameList(w, "granted", w.resend(time.Hour, d.payKey()), []ports.PaymentKey{d.payKey()})
	}},
	{"is not given back by others", func(w *world) {
		d := w.open(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Payments.ReleaseUnsent(ctx, ports.PaymentKey{User: newIDOf[billing.UserID](), ID: d.pay.ID})
		})
		w.wantTaken(0)
	}},
	{"is under way for as long as a renewal may be sent", func(w *world) {
		w.open(time.Hour) // the viewer's own
		d := w.paid()
		w.wantUnderway(0, 0)
		next := d.next(1)
		w.must(w.addPayment(time.Hour, next))
		w.wantUnderway(59*time.Minute, time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Payments.ReleaseUnsent(ctx, ports.PaymentKey{User: next.UserID, ID: next.ID})
		})
		w.wantUnderway(0, 0)
	}},
}

func (w *world) resend(send time.Duration, keys ...ports.PaymentKey) (granted []ports.PaymentKey) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		granted, err = tx.Payments.LeaseForResend(ctx, send, keys...)
		return err
	})
	return granted
}

func (w *world) wantUnderway(least, most time.Duration) {
	w.Helper()
	var got time.Duration
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		got, err = tx.Payments.MaxSendRemaining(ctx)
		return err
	})
	if got < least || got > most {
		w.Errorf("under way for %v, want %v to %v", got, least, most)
	}
}
