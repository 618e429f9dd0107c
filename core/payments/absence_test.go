package payments_test

import (
	"context"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// findFunc is a payment system whose lookups are replaced.
type findFunc struct {
	ports.Provider
	find func(context.Context, ports.ChargeQuery) (billing.Outcome, error)
}

func (f findFunc) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	return f.find(ctx, q)
}

// A sweep hangs after it has observed an absence. Meanwhile another sweep sends the
// payment and does not learn its outcome, and the viewer cancels. The first sweep must
// then neither send the payment again nor abandon it.
func TestSweep_AbsenceOfEarlierSendWindow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Clock.Advance(31 * 24 * time.Hour)
		w.Provider.SetFault(billingtest.RequestLost)
		if _, err := w.Renewer().Run(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
		time.Sleep(billingtest.PastSendWindow)

		lookups := 0
		unlucky := findFunc{w.Provider, func(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
			if lookups++; lookups > 1 {
				return billing.Outcome{}, billingtest.ErrLost
			}
			return w.Provider.Find(ctx, q)
		}}
		hung := false
		hangs := findFunc{w.Provider, func(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
			o, err := w.Provider.Find(ctx, q)
			if hung {
				return o, err
			}
			hung = true
			time.Sleep(billingtest.PastSendWindow) // the lease of this sweep ends
			w.Provider.SetFault(billingtest.ResponseLost)
			if swept, err := w.ProcessOver(w.Store, unlucky).Sweep(w.T.Context(), 10, 1); err != nil || len(swept) != 1 {
				w.T.Errorf("the other sweep took %d payments, %v, want 1", len(swept), err)
			}
			time.Sleep(billingtest.PastSendWindow) // its send window ends
			_, cancelled := w.Process().Cancel(w.T.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd})
			billingtest.ExpectError(w.T, cancelled, nil)
			return o, err
		}}
		if _, err := w.ProcessOver(w.Store, hangs).Sweep(w.T.Context(), 10, 1); err != nil {
			w.T.Error(err)
		}
		if p := w.Payments()[0]; p.Settled() {
			w.T.Errorf("the payment is %s (%s), want pending", p.Status, p.DeclineCode)
		}
		time.Sleep(billingtest.PastSendWindow)
		w.ExpectSweep(1, 0)
		w.ExpectCharges(2)
		w.ExpectReconciled()
	})
}

// A lookup lags behind the charge, so an absence proves nothing before the settling time
// is over. Then a payment that was received is found, and the other one is abandoned.
func TestSweep_AbsenceWithinSettlingTime(t *testing.T) {
	t.Parallel()
	for fault, want := range map[billingtest.Fault]billing.PaymentStatus{
		billingtest.ResponseLost: billing.PaymentSucceeded,
		billingtest.RequestLost:  billing.PaymentAbandoned,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.Provider.KeyLimits.Settling = 5 * time.Minute
				w.Provider.SetFault(fault)
				w.MustSubscribe()
				time.Sleep(billingtest.PastSendWindow)
				w.ExpectSweep(0, 1)
				time.Sleep(3 * time.Minute)
				w.ExpectSweep(0, 1)
				time.Sleep(3 * time.Minute) // the next lookup
				w.ExpectSweep(1, 0)
				if got := w.Payments()[0].Status; got != want {
					w.T.Errorf("the payment is %s, want %s", got, want)
				}
				w.ExpectReconciled()
			})
		})
	}
}

// A payment that its payment system may have forgotten is never sent again, under any
// key. It waits for a person's decision, or for a lookup that finds it after all.
func TestSweep_ForgottenPayment(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault     billingtest.Fault // of the charge
		decided   billing.PaymentStatus
		recharged bool // the next run charges a new payment
	}{
		"was charged":     {billingtest.ResponseLost, billing.PaymentSucceeded, false},
		"was not charged": {billingtest.RequestLost, billing.PaymentAbandoned, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				const horizon = 23 * time.Hour
				w.Provider.KeyLimits.Horizon = horizon
				w.MustSubscribe()
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(tt.fault)
				lost := findFunc{w.Provider, func(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
					return billing.Outcome{}, billingtest.ErrLost
				}}
				_, _ = w.RenewerOver(w.Store, lost).Run(w.T.Context())
				w.Provider.SetFault(billingtest.NoFault)
				time.Sleep(horizon)
				sent := len(w.Provider.Requests())
				for range 2 { // the second time, the payment waits already
					w.ExpectSweep(0, 1)
					time.Sleep(time.Hour)
				}
				sum, err := w.Renewer().Run(w.T.Context())
				if want := (ports.Summary{Waiting: 1}); sum != want || sum.Trouble() || err != nil {
					w.T.Errorf("the run returns %+v, %v; want %+v", sum, err, want)
				}
				if n := len(w.Provider.Requests()); n != sent {
					w.T.Errorf("%d charges were sent after the horizon", n-sent)
				}
				w.ExpectHistory(billing.EventSubscribed, billing.EventPaymentNeedsReview)
				p := w.Payments()[0]
				if !p.NeedsReview() || p.Status != billing.PaymentPending {
					w.T.Errorf("the payment is %+v, want pending until a person decides", p)
				}
				w.InTx(func(ctx context.Context, tx ports.Repos) error {
					_, _, err := w.Process().Collector.Decide(ctx, tx, p, tt.decided)
					return err
				})
				if sum, err := w.Renewer().Run(w.T.Context()); sum.Renewed == 1 != tt.recharged || err != nil {
					w.T.Errorf("the run after the decision returns %+v, %v; want a charge: %t", sum, err, tt.recharged)
				}
				if s := w.Subscriptions()[0]; s.Status != billing.StatusActive || s.Latest.Status != billing.PaymentSucceeded {
					w.T.Errorf("the subscription is %s with a %s payment, want active and succeeded", s.Status, s.Latest.Status)
				}
				w.ExpectCharges(2)
			})
		})
	}
}

// tooLate is a payment system that refuses to charge, because it may have forgotten the
// key.
type tooLate struct{ ports.Provider }

func (tooLate) Charge(context.Context, ports.ChargeRequest) (billing.Outcome, error) {
	return billing.Outcome{}, ports.ErrTooLate
}

func TestSweep_AdapterSaysTooLate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.RequestLost)
		_, _ = w.Renewer().Run(w.T.Context())
		w.Provider.SetFault(billingtest.NoFault)
		time.Sleep(billingtest.PastSendWindow)
		swept, err := w.ProcessOver(w.Store, tooLate{w.Provider}).Sweep(w.T.Context(), 10, 1)
		if err != nil || len(swept) != 1 || !swept[0].Payment.NeedsReview() {
			w.T.Errorf("the sweep returns %+v, %v; want a payment that waits for a person", swept, err)
		}
		w.ExpectHistory(billing.EventSubscribed, billing.EventPaymentNeedsReview)
	})
}

// A repeated request tells since when the payment system may know the key.
func TestSweep_ResendTellsFirstSending(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.RequestLost)
		began := time.Now()
		_, _ = w.Renewer().Run(w.T.Context())
		w.Provider.SetFault(billingtest.NoFault)
		time.Sleep(time.Hour)
		w.ExpectSweep(1, 0)
		all := w.Provider.Requests()
		first, last := all[1], all[len(all)-1]
		if !first.FirstSent.IsZero() || !last.FirstSent.Equal(began) || first.Key != last.Key || last.Payer != billingtest.Viewer {
			w.T.Errorf("the requests are %+v and %+v, want the same with the first sending %v", first, last, began)
		}
	})
}
