package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func TestTheIntentIsStoredBeforeThePaymentSystemIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Psp.Taken = func() { w.ExpectOne(billing.StatusIncomplete, billing.PaymentPending) }
	w.Subscribed()
	w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded)
	w.ExpectHistory(billing.EventSubscribed)
	w.ExpectAgreement()
}

func TestThePaymentSystemIsNotAskedInATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Psp.Taken = func() { // another viewer's transaction need not wait, nor a look-up
		w.InTx(func(context.Context, ports.Repos) error { return nil })
	}
	w.Psp.Looking = w.Psp.Taken
	w.Psp.Suffers(billingtest.LostAfter)
	w.Subscribed()
	w.Sweep(1, 0)
	w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded)
}

func TestTheKeyIsThePaymentsIDHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Mishap{billingtest.Fine, billingtest.LostBefore, billingtest.LostAfter} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Psp.Suffers(m)
			w.Subscribed()
			w.Psp.Suffers(billingtest.Fine)
			p := w.Payments()[0]
			for range 3 { // as a renewal does that nobody knows about
				if _, err := w.Process().Collect(t.Context(), payments.Intent{Payment: p}, billingtest.Token); err != nil {
					t.Error(err)
				}
			}
			for _, r := range w.Psp.Requests() {
				if r.Key != p.ID || r.Amount != billingtest.Price || r.Initiator != billing.CustomerInitiated || !r.Token.Equal(billingtest.Token) {
					t.Errorf("sent %+v for payment %s", r, p.ID)
				}
			}
			if n := len(w.Psp.Requests()); n != 4 {
				t.Errorf("sent %d times, want 4: no use case repeats a charge by itself", n)
			}
			w.ExpectCharges(1)
			w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded)
			w.ExpectHistory(billing.EventSubscribed)
			w.ExpectAgreement()
		})
	}
}

func TestATimeOutIsNotADecline(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Mishap{billingtest.HangsAfter, billingtest.LostAfter} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.Psp.Suffers(m)
				v, err := w.Process().Subscribe(t.Context(), billingtest.ToBasic())
				if err != nil || v.Status != billing.StatusIncomplete || v.Latest.Status != billing.PaymentPending {
					t.Errorf("got %s, %s, %v, want incomplete and pending", v.Status, v.Latest.Status, err)
				}
				w.ExpectOne(billing.StatusIncomplete, billing.PaymentPending)
				w.Sweep(1, 0)
				w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded)
				w.ExpectHistory(billing.EventSubscribed)
				w.ExpectCharges(1)
				w.ExpectAgreement()
			})
		})
	}
}

func TestAChargeThatNeverArrivedIsAbandonedWhenNobodyMaySendIt(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Mishap{billingtest.Hangs, billingtest.LostBefore} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.Psp.Suffers(m)
				w.Subscribed()
				w.Sweep(0, 1)
				w.ExpectOne(billing.StatusIncomplete, billing.PaymentPending)
				w.Clock.Advance(billingtest.SendOver)
				w.Sweep(1, 0)
				w.ExpectOne(billing.StatusEnded, billing.PaymentAbandoned)
				w.ExpectHistory(billing.EventPaymentAbandoned)
				w.ExpectCharges(0)
				w.ExpectAgreement()
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
		mishap          billingtest.Mishap
		viewer, renewal billing.PaymentStatus
		viewerErr       error
	}{
		{billingtest.Fine, billing.PaymentSucceeded, billing.PaymentSucceeded, nil},
		{billingtest.Declines, billing.PaymentDeclined, billing.PaymentDeclined, billing.ErrPaymentDeclined},
		{billingtest.Waits, pending, pending, nil},
		{billingtest.LostBefore, pending, pending, nil},
		{billingtest.LostAfter, pending, pending, nil},
		{billingtest.RefusesConn, abandoned, pending, billing.ErrUnavailable},
		{billingtest.Credentials, abandoned, pending, billing.ErrUnavailable},
		{billingtest.UnknownToken, abandoned, abandoned, billing.ErrPaymentTokenUnknown},
		{billingtest.RefusesRequest, abandoned, abandoned, billing.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(string(tt.mishap), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Psp.Suffers(tt.mishap)
			_, err := w.Process().Subscribe(t.Context(), billingtest.ToBasic())
			if !errors.Is(err, tt.viewerErr) || viewers.Settling(err) {
				t.Errorf("the viewer is told %v, want %v", err, tt.viewerErr)
			}
			if got := w.Payments()[0]; got.Status != tt.viewer {
				t.Errorf("the viewer's payment is %s, want %s", got.Status, tt.viewer)
			}
			r := newWorld(t)
			r.Psp.Suffers(tt.mishap)
			result, err := r.Process().Collect(t.Context(), payments.Intent{Payment: r.merchantPayment()}, billingtest.Token)
			if err != nil || result.Payment.Status != tt.renewal {
				t.Errorf("the renewal is %s, %v, want %s", result.Payment.Status, err, tt.renewal)
			}
		})
	}
}

// merchantPayment stores an intent that nobody has sent, without a viewer.
func (w world) merchantPayment() (p billing.Payment) {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		plan, err := tx.Plans.Lock(ctx, "basic")
		if err != nil {
			return err
		}
		order := billing.Order{
			Subscription: billing.SubscriptionID(w.NewID()), Payment: billing.PaymentID(w.NewID()), Plan: plan, Shown: billingtest.Price,
			Method: billing.PaymentMethod{ID: "method", UserID: billingtest.Viewer, PaymentSystem: billingtest.System, Token: billingtest.Token},
		}
		var sub billing.Subscription
		if sub, p, err = order.Start(w.Clock.Now(), billing.Calendar{}); err != nil {
			return err
		}
		p.Initiator = billing.MerchantInitiated
		return errors.Join(tx.Subscriptions.Add(ctx, sub), tx.Payments.Add(ctx, billingtest.ChargeTimeout, p))
	})
	return p
}

func TestARequestThatFailedIsNeverChargedLater(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Mishap{billingtest.RefusesConn, billingtest.Credentials, billingtest.UnknownToken, billingtest.RefusesRequest} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Psp.Suffers(m)
			if _, err := w.Process().Subscribe(t.Context(), billingtest.ToBasic()); err == nil || viewers.Settling(err) {
				t.Errorf("the viewer is told %v, want that nothing was charged", err)
			}
			w.Psp.Suffers(billingtest.Fine)
			for range 3 {
				w.Sweep(0, 0)
				w.Clock.Advance(billingtest.SendOver)
			}
			w.ExpectOne(billing.StatusEnded, billing.PaymentAbandoned)
			w.ExpectHistory(billing.EventPaymentAbandoned)
			w.ExpectCharges(0)
			if n := len(w.Psp.Requests()); n != 1 {
				t.Errorf("sent %d times, want once", n)
			}
			w.Subscribed() // a new attempt is a new payment
			w.ExpectCharges(1)
			w.ExpectAgreement()
		})
	}
}

func TestAPaymentSystemWithoutAnAdapterTakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Process()
	p.Providers = nil
	_, err := p.Subscribe(t.Context(), billingtest.ToBasic())
	billingtest.ExpectError(t, err, billing.ErrUnavailable)
	w.ExpectOne(billing.StatusEnded, billing.PaymentAbandoned)

	w.Psp.Suffers(billingtest.LostAfter)
	w.Subscribed()
	w.Clock.Advance(billingtest.SendOver)
	if got, err := p.Sweep(t.Context(), 10); err != nil || got.Unknown != 1 || got.Settled != 0 {
		t.Errorf("the sweep says %+v, %v, want one unknown", got, err)
	}
	w.Clock.Advance(billingtest.SendOver)
	w.Sweep(1, 0)
	w.ExpectAgreement()
}

func TestASweepLeavesAloneWhatMayStillBeSent(t *testing.T) {
	t.Parallel()
	t.Run("while the charge is under way", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Psp.Taken = func() { w.Sweep(0, 0) }
		w.Subscribed()
		w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded)
	})
	t.Run("although it was given up, until its time is over", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Psp.Suffers(billingtest.LostBefore)
		w.Subscribed()
		w.Clock.Advance(billingtest.ChargeTimeout)
		w.Sweep(0, 1) // the charge may be under way still
		w.ExpectOne(billing.StatusIncomplete, billing.PaymentPending)
		w.Psp.Suffers(billingtest.Fine)
		if _, err := w.Psp.Charge(t.Context(), w.Psp.Requests()[0]); err != nil { // there it is
			t.Fatal(err)
		}
		w.Clock.Advance(billingtest.SendOver)
		w.Sweep(1, 0)
		w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded)
		w.ExpectAgreement()
	})
}

func TestTheRecordOutlivesTheClient(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Mishap{billingtest.Fine, billingtest.Declines, billingtest.OtherAmount} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Psp.Suffers(m)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			w.Psp.Taken = leave
			_, err := w.Process().Subscribe(ctx, billingtest.ToBasic())
			if viewers.Settling(err) {
				t.Errorf("the outcome was not recorded: %v", err)
			}
			switch m {
			case billingtest.Fine:
				w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded)
			case billingtest.Declines:
				w.ExpectOne(billing.StatusEnded, billing.PaymentDeclined)
			default:
				w.ExpectOne(billing.StatusIncomplete, billing.PaymentPending)
				w.ExpectHistory(billing.EventPaymentContradicted)
			}
		})
	}
}

func TestAClientThatLeavesBeforeTheIntentIsNotCharged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := w.Process().Subscribe(ctx, billingtest.ToBasic())
	billingtest.ExpectError(t, err, context.Canceled)
	w.ExpectNothing()
}

func TestAnOutcomeThatCannotBeRecordedIsBeingSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := new(billingtest.Life)
	l.Steps.Store(3) // dies, as the database does, before the record
	_, err := w.ProcessOver(billingtest.MortalStore{Store: w.Store, Life: l}, w.Psp).Subscribe(t.Context(), billingtest.ToBasic())
	billingtest.ExpectError(t, err, billing.ErrUnavailable)
	if !viewers.Settling(err) || viewers.Settling(fmt.Errorf("other: %w", billing.ErrUnavailable)) {
		t.Errorf("the viewer is told %v, want that it is being settled", err)
	}
	w.settleAll()
	w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded)
	w.ExpectAgreement()
}
