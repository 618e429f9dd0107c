package payments_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
)

// A payment that was abandoned, because nothing showed that it had been received, and that
// was charged later is refunded, even though the viewer has subscribed again.
func TestRecheck_LateChargeGoesBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		charged, found time.Duration // after the payment was abandoned
	}{
		"within the hour": {30 * time.Minute, time.Hour},
		"within the day":  {5 * time.Hour, 5*time.Hour + 23*time.Hour}, // the sweep at five hours is the first lookup
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.Provider.SetFault(billingtest.RequestLost)
				_, _ = w.Process().Subscribe(w.T.Context(), billingtest.SubscribeBasic())
				first := w.Payments()[0]
				time.Sleep(billingtest.PastSendWindow)
				w.ExpectSweep(1, 0)
				if p := w.Payments()[0]; p.Status != billing.PaymentAbandoned {
					w.T.Fatalf("the payment is %s, want abandoned", p.Status)
				}
				w.Provider.SetFault(billingtest.NoFault)
				again := w.MustSubscribe()
				time.Sleep(tt.charged)
				w.ExpectSweep(0, 0)
				w.Provider.Deliver(first) // its request was on its way
				time.Sleep(tt.found - tt.charged)
				w.ExpectSweep(0, 0)
				w.expectWholeRefund(first)
				w.sweepRefunds()
				w.expectRefund(first, billing.PaymentSucceeded, first.Amount.Amount, 1)
				for _, s := range w.Subscriptions() {
					if s.ID == again.ID && s.Status != billing.StatusActive {
						w.T.Errorf("the new subscription is %s, want active", s.Status)
					}
				}
				for range 3 {
					time.Sleep(25 * time.Hour)
					w.ExpectSweep(0, 0)
					w.sweepRefunds()
				}
				w.expectRefund(first, billing.PaymentSucceeded, first.Amount.Amount, 1)
				w.ExpectReconciled()
			})
		})
	}
}

// An abandoned payment that no lookup finds is looked up twice.
func TestRecheck_OncePerTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Provider.SetFault(billingtest.RequestLost)
		_, _ = w.Process().Subscribe(w.T.Context(), billingtest.SubscribeBasic())
		time.Sleep(billingtest.PastSendWindow)
		w.ExpectSweep(1, 0)
		lookups := 0
		w.Provider.OnFind = func() { lookups++ }
		for range 100 {
			time.Sleep(time.Hour)
			w.ExpectSweep(0, 0)
		}
		if lookups != 2 {
			w.T.Errorf("%d lookups of the abandoned payment, want 2", lookups)
		}
	})
}

// A payment that its payment system refused needs no lookup.
func TestRecheck_NotAfterAnswer(t *testing.T) {
	t.Parallel()
	for _, fault := range []billingtest.Fault{billingtest.UnknownToken, billingtest.RequestRefused, billingtest.Decline} {
		inBubble(t, func(w world) {
			w.Provider.SetFault(fault)
			_, _ = w.Process().Subscribe(w.T.Context(), billingtest.SubscribeBasic())
			time.Sleep(25 * time.Hour)
			w.Provider.OnFind = func() { w.T.Errorf("%s: the payment is looked up", fault) }
			w.ExpectSweep(0, 0)
		})
	}
}
