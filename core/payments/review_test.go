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

// A first payment that is open for longer than any payment system allows no longer keeps
// the viewer from subscribing. If it was charged after all, a person finds that out.
func TestSweep_FirstPaymentOpenForTooLong(t *testing.T) {
	t.Parallel()
	lost := func(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
		return billing.Outcome{}, billingtest.ErrLost
	}
	for name, tt := range map[string]struct {
		fault billingtest.Fault
		find  func(context.Context, ports.ChargeQuery) (billing.Outcome, error) // nil for the world's
		limit time.Duration
	}{
		"no answer":       {billingtest.ResponseLost, lost, 49 * time.Hour},
		"another sum":     {billingtest.WrongAmount, nil, 25 * time.Hour},
		"waits on a page": {billingtest.NeedsConfirmation, nil, 25 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.Provider.SetFault(tt.fault)
				w.MustSubscribe()
				var p ports.Provider = w.Provider
				if tt.find != nil {
					p = findFunc{w.Provider, tt.find}
				}
				for _, after := range []time.Duration{time.Hour, tt.limit - 2*time.Hour} {
					time.Sleep(after)
					_, _ = w.ProcessOver(w.Store, p).Sweep(w.T.Context(), 10, 1)
					_, err := w.Process().Subscribe(w.T.Context(), billingtest.SubscribeBasic())
					billingtest.ExpectError(w.T, err, billing.ErrAlreadySubscribed)
				}
				time.Sleep(2 * time.Hour)
				swept, err := w.ProcessOver(w.Store, p).Sweep(w.T.Context(), 10, 1)
				if err != nil || len(swept) != 1 || !swept[0].Payment.NeedsReview() || swept[0].Payment.ActionURL != "" {
					w.T.Fatalf("the sweep returns %+v, %v; want a payment that waits for a person, without a page", swept, err)
				}
				w.Provider.SetFault(billingtest.NoFault)
				again, err := w.Process().Subscribe(w.T.Context(), billingtest.SubscribeBasic())
				if err != nil || again.Status != billing.StatusActive {
					w.T.Fatalf("subscribe again: %s, %v; want active", again.Status, err)
				}
				w.Provider.ConfirmAll() // too late
				time.Sleep(time.Hour)
				if _, err := w.Process().Sweep(w.T.Context(), 10, 1); err != nil {
					w.T.Fatal(err)
				}
				for _, p := range w.Payments() {
					switch {
					case p.SubscriptionID == again.ID:
					case p.Contradiction == "":
						w.T.Errorf("the late payment is %s without a contradiction", p.Status)
					case tt.fault == billingtest.WrongAmount: // a person finds out what to do
						if p.Settled() || p.Refunded > 0 {
							w.T.Errorf("the late payment of another sum is %s, refunded %d; want pending", p.Status, p.Refunded)
						}
					default:
						w.expectWholeRefund(p)
					}
				}
				for _, s := range w.Subscriptions() {
					if s.ID != again.ID && s.Status != billing.StatusEnded {
						w.T.Errorf("the first subscription is %s, want ended", s.Status)
					}
				}
			})
		})
	}
}

// A cancelled subscription ends with its period, even if nobody ever learns whether its
// last renewal was charged.
func TestSweep_CancelledEndsWhilePaymentWaits(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]billingtest.Fault{"forgotten": billingtest.ResponseLost, "another sum": billingtest.WrongAmount} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.Provider.KeyLimits.Horizon = 23 * time.Hour
				w.MustSubscribe()
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(fault)
				_, _ = w.RenewerOver(w.Store, findFunc{w.Provider, func(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
					return billing.Outcome{}, billingtest.ErrLost
				}}).Run(w.T.Context())
				time.Sleep(24 * time.Hour)
				w.ExpectSweep(0, 1)
				_, err := w.Process().Cancel(w.T.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd})
				billingtest.ExpectError(w.T, err, nil)
				time.Sleep(time.Hour)
				w.ExpectSweep(0, 1)
				s := w.Subscriptions()[0]
				if s.Status != billing.StatusEnded || s.Charging {
					w.T.Errorf("the subscription is %s, charging %t; want ended", s.Status, s.Charging)
				}
				open := w.Payments()[0]
				w.InTx(func(ctx context.Context, tx ports.Repos) error {
					_, after, err := w.Process().Collector.Decide(ctx, tx, open, billing.PaymentDeclined)
					if err == nil && after.Status != billing.PaymentDeclined {
						w.T.Errorf("a person's decision leaves the payment %s, want declined", after.Status)
					}
					return err
				})
				if s := w.Subscriptions()[0]; s.Status != billing.StatusEnded {
					w.T.Errorf("after the decision the subscription is %s, want ended", s.Status)
				}
			})
		})
	}
}

// A viewer's own payment for a period that is past due stays open until the grace ends.
// Then the subscription ends, even if the payment never does.
func TestSweep_OwnPaymentOpenUntilGraceEnds(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		before := w.MustSubscribe()
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.Decline)
		if _, err := w.Renewer().Run(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
		w.Provider.SetFault(billingtest.NeedsConfirmation)
		if _, err := w.Process().Pay(w.T.Context(), viewers.Pay{User: billingtest.Viewer, Ref: "basic", Price: before.Price}); err != nil {
			w.T.Fatal(err)
		}
		time.Sleep(48 * time.Hour)
		w.ExpectSweep(0, 1)
		if s := w.Subscriptions()[0]; s.Status != billing.StatusPastDue || s.Latest.ActionURL == "" {
			w.T.Errorf("in the grace the subscription is %s with the page %q, want past due with its page", s.Status, s.Latest.ActionURL)
		}
		w.Clock.Advance(billingtest.Month)
		time.Sleep(time.Hour)
		w.ExpectSweep(0, 1)
		if s := w.Subscriptions()[0]; s.Status != billing.StatusEnded || s.Charging {
			w.T.Errorf("after the grace the subscription is %s, charging %t; want ended", s.Status, s.Charging)
		}
		again, err := w.Process().Subscribe(w.T.Context(), billingtest.SubscribeBasic())
		if err != nil {
			w.T.Errorf("subscribe again: %s, %v", again.Status, err)
		}
	})
}

// While the payment system refuses our credentials, nothing is sent. So nothing can have
// been forgotten, and the renewal is sent when the credentials are right again.
func TestSweep_NeverSentIsNotForgotten(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Provider.KeyLimits.Horizon = 23 * time.Hour
		w.MustSubscribe()
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.BadCredentials)
		for range 25 {
			_, _ = w.Renewer().Run(w.T.Context())
			time.Sleep(time.Hour)
		}
		w.Provider.SetFault(billingtest.NoFault)
		sum, err := w.Renewer().Run(w.T.Context())
		if sum.Waiting > 0 || err != nil {
			w.T.Errorf("the run returns %+v, %v; want no payment that waits for a person", sum, err)
		}
		if s := w.Subscriptions()[0]; s.Status != billing.StatusActive || !s.Current.Start.Equal(w.Clock.Now()) {
			w.T.Errorf("the subscription is %s from %v, want renewed", s.Status, s.Current.Start)
		}
		w.ExpectCharges(2)
	})
}
