package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func TestSubscribe_StoresIntentBeforeCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.OnCharge = func() { w.ExpectSubscription(billing.StatusIncomplete, billing.PaymentPending) }
	w.MustSubscribe()
	w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
	w.ExpectHistory(billing.EventSubscribed)
	w.ExpectReconciled()
}

func TestSubscribe_ChargesOutsideTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.OnCharge = func() { // another transaction can run during the charge or a lookup
		w.InTx(func(context.Context, ports.Repos) error { return nil })
	}
	w.Provider.OnFind = w.Provider.OnCharge
	w.Provider.SetFault(billingtest.ResponseLost)
	w.MustSubscribe()
	w.ExpectSweep(1, 0)
	w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
}

func TestCollect_SendsPaymentIDAsKey(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(m)
			w.MustSubscribe()
			w.Provider.SetFault(billingtest.NoFault)
			p := w.Payments()[0]
			for range 3 { // resends the payment, as a renewal does after a lost response
				if _, err := w.Process().Collect(t.Context(), attempt(w.Process().Collector, p), billingtest.Token); err != nil {
					t.Error(err)
				}
			}
			for _, r := range w.Provider.Requests() {
				if r.Key != p.ID || r.Amount != billingtest.Price || r.Initiator != billing.CustomerInitiated || !r.Token.Equal(billingtest.Token) {
					t.Errorf("sent %+v for payment %s", r, p.ID)
				}
			}
			if n := len(w.Provider.Requests()); n != 4 {
				t.Errorf("sent %d times, want 4: Subscribe and Collect must not retry", n)
			}
			w.ExpectCharges(1)
			w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
			w.ExpectHistory(billing.EventSubscribed)
			w.ExpectReconciled()
		})
	}
}

func TestSubscribe_TimeoutLeavesPaymentPending(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.HangsAfterCharge, billingtest.ResponseLost} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.Provider.SetFault(m)
				v, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic())
				if err != nil || v.Status != billing.StatusIncomplete || v.Latest.Status != billing.PaymentPending {
					t.Errorf("got %s, %s, %v, want incomplete and pending", v.Status, v.Latest.Status, err)
				}
				w.ExpectSubscription(billing.StatusIncomplete, billing.PaymentPending)
				w.ExpectSweep(1, 0)
				w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
				w.ExpectHistory(billing.EventSubscribed)
				w.ExpectCharges(1)
				w.ExpectReconciled()
			})
		})
	}
}

func TestSweep_AbandonsUnsentCharge(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.HangsBeforeCharge, billingtest.RequestLost} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.Provider.SetFault(m)
				w.MustSubscribe()
				w.ExpectSweep(0, 1)
				w.ExpectSubscription(billing.StatusIncomplete, billing.PaymentPending)
				w.Clock.Advance(billingtest.PastSendWindow)
				w.ExpectSweep(1, 0)
				w.ExpectSubscription(billing.StatusEnded, billing.PaymentAbandoned)
				w.ExpectHistory(billing.EventPaymentAbandoned)
				w.ExpectCharges(0)
				w.ExpectReconciled()
			})
		})
	}
}

// A viewer's payment that was not sent is abandoned. A renewal in the same case stays
// pending, because it may be sent again.
func TestCollect_StatusByResponse(t *testing.T) {
	t.Parallel()
	const pending, abandoned = billing.PaymentPending, billing.PaymentAbandoned
	tests := []struct {
		fault           billingtest.Fault
		viewer, renewal billing.PaymentStatus
		viewerErr       error
	}{
		{billingtest.NoFault, billing.PaymentSucceeded, billing.PaymentSucceeded, nil},
		{billingtest.Decline, billing.PaymentDeclined, billing.PaymentDeclined, billing.ErrPaymentDeclined},
		{billingtest.NeedsConfirmation, pending, pending, nil},
		{billingtest.RequestLost, pending, pending, nil},
		{billingtest.ResponseLost, pending, pending, nil},
		{billingtest.ConnectionRefused, abandoned, pending, billing.ErrUnavailable},
		{billingtest.BadCredentials, abandoned, pending, billing.ErrUnavailable},
		{billingtest.UnknownToken, abandoned, abandoned, billing.ErrPaymentTokenUnknown},
		{billingtest.RequestRefused, abandoned, abandoned, billing.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(tt.fault)
			_, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic())
			if !errors.Is(err, tt.viewerErr) || viewers.Settling(err) {
				t.Errorf("Subscribe = %v, want %v", err, tt.viewerErr)
			}
			if got := w.Payments()[0]; got.Status != tt.viewer {
				t.Errorf("the viewer's payment is %s, want %s", got.Status, tt.viewer)
			}
			r := newWorld(t)
			r.Provider.SetFault(tt.fault)
			result, err := r.Process().Collect(t.Context(), attempt(r.Process().Collector, r.merchantPayment()), billingtest.Token)
			if err != nil || result.Payment.Status != tt.renewal {
				t.Errorf("the renewal is %s, %v, want %s", result.Payment.Status, err, tt.renewal)
			}
		})
	}
}

// merchantPayment stores an unsent, merchant-initiated payment.
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
		sub, first, agreed, err := order.Start(w.Clock.Now(), billing.Calendar{})
		if err != nil {
			return err
		}
		ports.Identify(agreed, w.NewID)
		p = first
		p.Initiator = billing.MerchantInitiated
		return errors.Join(tx.Methods.Add(ctx, order.Method), tx.Subscriptions.Add(ctx, sub),
			tx.Payments.Add(ctx, billingtest.ChargeTimeout, p), tx.Events.Append(ctx, agreed...))
	})
	return p
}

func TestSubscribe_FailedRequestIsNeverCharged(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.ConnectionRefused, billingtest.BadCredentials, billingtest.UnknownToken, billingtest.RequestRefused} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(m)
			if _, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic()); err == nil || viewers.Settling(err) {
				t.Errorf("Subscribe = %v, want a final error", err)
			}
			w.Provider.SetFault(billingtest.NoFault)
			for range 3 {
				w.ExpectSweep(0, 0)
				w.Clock.Advance(billingtest.PastSendWindow)
			}
			w.ExpectSubscription(billing.StatusEnded, billing.PaymentAbandoned)
			w.ExpectHistory(billing.EventPaymentAbandoned)
			w.ExpectCharges(0)
			if n := len(w.Provider.Requests()); n != 1 {
				t.Errorf("sent %d times, want once", n)
			}
			w.MustSubscribe() // a new attempt is a new payment
			w.ExpectCharges(1)
			w.ExpectReconciled()
		})
	}
}

func TestSubscribe_WithoutProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.Process()
	p.Providers = nil
	_, err := p.Subscribe(t.Context(), billingtest.SubscribeBasic())
	billingtest.ExpectError(t, err, billing.ErrPaymentSystemUnavailable)
	w.expectNothingStored()

	w.Provider.SetFault(billingtest.ResponseLost)
	w.MustSubscribe()
	w.Clock.Advance(billingtest.PastSendWindow)
	if got, err := p.Sweep(t.Context(), 10, 16); err != nil || len(got) != 1 || got[0].Payment.Settled() {
		t.Errorf("Sweep = %+v, %v, want one unknown", got, err)
	}
	w.Clock.Advance(billingtest.PastSendWindow)
	w.ExpectSweep(1, 0)
	w.ExpectReconciled()
}

func TestSweep_SkipsSendablePayments(t *testing.T) {
	t.Parallel()
	t.Run("during the charge", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Provider.OnCharge = func() { w.ExpectSweep(0, 0) }
		w.MustSubscribe()
		w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
	})
	t.Run("after a lost request, until the send window is over", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Provider.SetFault(billingtest.RequestLost)
		w.MustSubscribe()
		w.Clock.Advance(billingtest.ChargeTimeout)
		w.ExpectSweep(0, 1) // the charge may still arrive
		w.ExpectSubscription(billing.StatusIncomplete, billing.PaymentPending)
		w.Provider.SetFault(billingtest.NoFault)
		if _, err := w.Provider.Charge(t.Context(), w.Provider.Requests()[0]); err != nil { // it arrives
			t.Fatal(err)
		}
		w.Clock.Advance(billingtest.PastSendWindow)
		w.ExpectSweep(1, 0)
		w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
		w.ExpectReconciled()
	})
}

func TestSubscribe_RecordsAfterClientLeaves(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.Decline, billingtest.WrongAmount} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(m)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			w.Provider.OnCharge = leave
			_, err := w.Process().Subscribe(ctx, billingtest.SubscribeBasic())
			if viewers.Settling(err) {
				t.Errorf("the outcome was not recorded: %v", err)
			}
			switch m {
			case billingtest.NoFault:
				w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
			case billingtest.Decline:
				w.ExpectSubscription(billing.StatusEnded, billing.PaymentDeclined)
			default:
				w.ExpectSubscription(billing.StatusIncomplete, billing.PaymentPending)
				w.ExpectHistory(billing.EventPaymentContradicted)
			}
		})
	}
}

func TestSubscribe_ClientLeavesBeforeIntent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := w.Process().Subscribe(ctx, billingtest.SubscribeBasic())
	billingtest.ExpectError(t, err, context.Canceled)
	w.expectNothingStored()
}

func TestSubscribe_UnrecordedOutcomeIsSettling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	crash := billingtest.CrashAfter(3) // before the outcome is recorded
	_, err := w.ProcessOver(crash.Store(w.Store), w.Provider).Subscribe(t.Context(), billingtest.SubscribeBasic())
	billingtest.ExpectError(t, err, billing.ErrUnavailable)
	if !viewers.Settling(err) || viewers.Settling(fmt.Errorf("other: %w", billing.ErrUnavailable)) {
		t.Errorf("Settling(%v) = false, or true for another error", err)
	}
	w.settleAll()
	w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
	w.ExpectReconciled()
}
