package app_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func TestTheIntentIsStoredBeforeThePaymentSystemIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.psp.taken = func() { w.expectOne(billing.StatusIncomplete, billing.PaymentPending) }
	w.subscribed()
	w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
	w.expectHistory(billing.EventSubscribed)
	w.expectAgreement()
}

func TestThePaymentSystemIsNotAskedInATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.psp.taken = func() { // another viewer's transaction need not wait, nor a look-up
		w.inTx(func(context.Context, app.Repos) error { return nil })
	}
	w.psp.looking = w.psp.taken
	w.psp.suffers(lostAfter)
	w.subscribed()
	w.sweep(1, 0)
	w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
}

func TestTheKeyIsThePaymentsIDHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{fine, lostBefore, lostAfter} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.psp.suffers(m)
			w.subscribed()
			w.psp.suffers(fine)
			p := w.payments()[0]
			for range 3 { // as a renewal does that nobody knows about
				if _, err := w.process().Collect(t.Context(), app.Intent{Payment: p}, token); err != nil {
					t.Error(err)
				}
			}
			for _, r := range w.psp.requests() {
				if r.Key != p.ID || r.Amount != price || r.Initiator != billing.CustomerInitiated || !r.Token.Equal(token) {
					t.Errorf("sent %+v for payment %s", r, p.ID)
				}
			}
			if n := len(w.psp.requests()); n != 4 {
				t.Errorf("sent %d times, want 4: no use case repeats a charge by itself", n)
			}
			w.expectCharges(1)
			w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
			w.expectHistory(billing.EventSubscribed)
			w.expectAgreement()
		})
	}
}

func TestATimeOutIsNotADecline(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{hangsAfter, lostAfter} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.psp.suffers(m)
				v, err := w.process().Subscribe(t.Context(), toBasic())
				if err != nil || v.Status != billing.StatusIncomplete || v.Latest.Status != billing.PaymentPending {
					t.Errorf("got %s, %s, %v, want incomplete and pending", v.Status, v.Latest.Status, err)
				}
				w.expectOne(billing.StatusIncomplete, billing.PaymentPending)
				w.sweep(1, 0)
				w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
				w.expectHistory(billing.EventSubscribed)
				w.expectCharges(1)
				w.expectAgreement()
			})
		})
	}
}

func TestAChargeThatNeverArrivedIsAbandonedWhenNobodyMaySendIt(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{hangs, lostBefore} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.psp.suffers(m)
				w.subscribed()
				w.sweep(0, 1)
				w.expectOne(billing.StatusIncomplete, billing.PaymentPending)
				w.clock.advance(sendOver)
				w.sweep(1, 0)
				w.expectOne(billing.StatusEnded, billing.PaymentAbandoned)
				w.expectHistory(billing.EventPaymentAbandoned)
				w.expectCharges(0)
				w.expectAgreement()
			})
		})
	}
}

// What a payment system promises of its errors, and what follows for a viewer's
// payment and for a renewal, which may be sent again.
func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	const pending, abandoned = billing.PaymentPending, billing.PaymentAbandoned
	tests := []struct {
		mishap          mishap
		viewer, renewal billing.PaymentStatus
		viewerErr       error
	}{
		{fine, billing.PaymentSucceeded, billing.PaymentSucceeded, nil},
		{declines, billing.PaymentDeclined, billing.PaymentDeclined, billing.ErrPaymentDeclined},
		{waits, pending, pending, nil},
		{lostBefore, pending, pending, nil},
		{lostAfter, pending, pending, nil},
		{refusesConn, abandoned, pending, billing.ErrUnavailable},
		{credentials, abandoned, pending, billing.ErrUnavailable},
		{unknownToken, abandoned, abandoned, billing.ErrPaymentTokenUnknown},
		{refusesRequest, abandoned, abandoned, billing.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(string(tt.mishap), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.psp.suffers(tt.mishap)
			_, err := w.process().Subscribe(t.Context(), toBasic())
			if !errors.Is(err, tt.viewerErr) || app.Settling(err) {
				t.Errorf("the viewer is told %v, want %v", err, tt.viewerErr)
			}
			if got := w.payments()[0]; got.Status != tt.viewer {
				t.Errorf("the viewer's payment is %s, want %s", got.Status, tt.viewer)
			}
			r := newWorld(t)
			r.psp.suffers(tt.mishap)
			result, err := r.process().Collect(t.Context(), app.Intent{Payment: r.merchantPayment()}, token)
			if err != nil || result.Payment.Status != tt.renewal {
				t.Errorf("the renewal is %s, %v, want %s", result.Payment.Status, err, tt.renewal)
			}
		})
	}
}

// merchantPayment stores an intent that nobody has sent, without a viewer.
func (w world) merchantPayment() (p billing.Payment) {
	w.t.Helper()
	w.inTx(func(ctx context.Context, tx app.Repos) error {
		plan, err := tx.Plans.Lock(ctx, "basic")
		if err != nil {
			return err
		}
		order := billing.Order{
			Subscription: billing.SubscriptionID(w.newID()), Payment: billing.PaymentID(w.newID()), Plan: plan, Shown: price,
			Method: billing.PaymentMethod{ID: "method", UserID: viewer, PaymentSystem: system, Token: token},
		}
		var sub billing.Subscription
		if sub, p, err = order.Start(w.clock.Now(), billing.Calendar{}); err != nil {
			return err
		}
		p.Initiator = billing.MerchantInitiated
		return errors.Join(tx.Subscriptions.Add(ctx, sub), tx.Payments.Add(ctx, chargeTimeout, p))
	})
	return p
}

func TestARequestThatFailedIsNeverChargedLater(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{refusesConn, credentials, unknownToken, refusesRequest} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.psp.suffers(m)
			if _, err := w.process().Subscribe(t.Context(), toBasic()); err == nil || app.Settling(err) {
				t.Errorf("the viewer is told %v, want that nothing was charged", err)
			}
			w.psp.suffers(fine)
			for range 3 {
				w.sweep(0, 0)
				w.clock.advance(sendOver)
			}
			w.expectOne(billing.StatusEnded, billing.PaymentAbandoned)
			w.expectHistory(billing.EventPaymentAbandoned)
			w.expectCharges(0)
			if n := len(w.psp.requests()); n != 1 {
				t.Errorf("sent %d times, want once", n)
			}
			w.subscribed() // a new attempt is a new payment
			w.expectCharges(1)
			w.expectAgreement()
		})
	}
}

func TestAPaymentSystemWithoutAnAdapterTakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process()
	p.Providers = nil
	_, err := p.Subscribe(t.Context(), toBasic())
	expectError(t, err, billing.ErrUnavailable)
	w.expectOne(billing.StatusEnded, billing.PaymentAbandoned)

	w.psp.suffers(lostAfter)
	w.subscribed()
	w.clock.advance(sendOver)
	if got, err := p.Sweep(t.Context(), 10); err != nil || got.Unknown != 1 || got.Settled != 0 {
		t.Errorf("the sweep says %+v, %v, want one unknown", got, err)
	}
	w.clock.advance(sendOver)
	w.sweep(1, 0)
	w.expectAgreement()
}

func TestASweepLeavesAloneWhatMayStillBeSent(t *testing.T) {
	t.Parallel()
	t.Run("while the charge is under way", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.psp.taken = func() { w.sweep(0, 0) }
		w.subscribed()
		w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
	})
	t.Run("although it was given up, until its time is over", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.psp.suffers(lostBefore)
		w.subscribed()
		w.clock.advance(chargeTimeout)
		w.sweep(0, 1) // the charge may be under way still
		w.expectOne(billing.StatusIncomplete, billing.PaymentPending)
		w.psp.suffers(fine)
		if _, err := w.psp.Charge(t.Context(), w.psp.requests()[0]); err != nil { // there it is
			t.Fatal(err)
		}
		w.clock.advance(sendOver)
		w.sweep(1, 0)
		w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
		w.expectAgreement()
	})
}

func TestTheRecordOutlivesTheClient(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{fine, declines, otherAmount} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.psp.suffers(m)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			w.psp.taken = leave
			_, err := w.process().Subscribe(ctx, toBasic())
			if app.Settling(err) {
				t.Errorf("the outcome was not recorded: %v", err)
			}
			switch m {
			case fine:
				w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
			case declines:
				w.expectOne(billing.StatusEnded, billing.PaymentDeclined)
			default:
				w.expectOne(billing.StatusIncomplete, billing.PaymentPending)
				w.expectHistory(billing.EventPaymentContradicted)
			}
		})
	}
}

func TestAClientThatLeavesBeforeTheIntentIsNotCharged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := w.process().Subscribe(ctx, toBasic())
	expectError(t, err, context.Canceled)
	w.expectNothing()
}

func TestAnOutcomeThatCannotBeRecordedIsBeingSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := new(life)
	l.steps.Store(3) // dies, as the database does, before the record
	_, err := w.processOver(mortalStore{w.store, l}, w.psp).Subscribe(t.Context(), toBasic())
	expectError(t, err, billing.ErrUnavailable)
	if !app.Settling(err) || app.Settling(fmt.Errorf("other: %w", billing.ErrUnavailable)) {
		t.Errorf("the viewer is told %v, want that it is being settled", err)
	}
	w.settleAll()
	w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
	w.expectAgreement()
}
