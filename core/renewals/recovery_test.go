package renewals_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// newToken is a token that pays when the old one does not.
var newToken = billing.NewSecret("tok_new")

// graceEnd is the end of the grace after a decline on time.
var graceEnd = due.Add(retries[len(retries)-1])

// hold subscribes the viewer, and declines the first renewal so that only the viewer can
// help.
func (w world) hold() {
	w.T.Helper()
	w.MustSubscribe()
	w.at(0)
	w.expectRunOf(w.RenewerOver(w.Store, decliner{w.Provider, billing.CardExpired}), ports.Summary{Due: 1, Declined: 1, Held: 1}, nil)
}

func payNew() viewers.Pay {
	return viewers.Pay{
		User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price,
		Source: viewers.Source{PaymentSystem: billingtest.System, Token: newToken},
	}
}

// FakeProvider looks for the agreement at each charge, so it was committed before.
func TestPay_RecordsAgreement(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.hold()
		w.Provider.SetFault(billingtest.Decline)
		cmd := payNew()
		cmd.TermsVersion = "2026-04"
		_, err := w.Process().Pay(w.T.Context(), cmd)
		billingtest.ExpectError(t, err, billing.ErrPaymentDeclined)
		events, err := w.Queries().History(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 2})
		if err != nil || len(events) != 2 {
			t.Fatal(events, err)
		}
		want := billing.Event{
			ID: events[1].ID, UserID: billingtest.Viewer, Type: billing.EventAgreed, At: w.Clock.Now(),
			SubscriptionID: events[0].SubscriptionID, PlanCode: "basic", AccessUntil: graceEnd,
			Agreement: billing.Agreement{
				Price: billingtest.Price, IntervalMonths: 1, DueNow: billingtest.Price,
				FirstChargeAt: billing.Calendar{}.AddMonths(due, 1), TermsVersion: "2026-04",
			},
		}
		if events[1] != want {
			t.Errorf("the event before the decline is %+v, want %+v", events[1], want)
		}

		cmd.Price = billingtest.Rubles(1)
		_, err = w.Process().Pay(w.T.Context(), cmd)
		billingtest.ExpectError(t, err, billing.ErrPriceChanged)
		again, err := w.Queries().History(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 2})
		if err != nil || again[0] != events[0] {
			t.Errorf("the refused request added %+v, %v", again, err)
		}
	})
}

func replaceNew() viewers.Replace {
	return viewers.Replace{
		User: billingtest.Viewer, Ref: "basic", Source: viewers.Source{PaymentSystem: billingtest.System, Token: newToken},
	}
}

// lastCharge returns the newest request that the payment system received.
func (w world) lastCharge() ports.ChargeRequest {
	w.T.Helper()
	all := w.Provider.Requests()
	return all[len(all)-1]
}

func TestPay_EndsHold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.hold()
		before := w.subscriptionOf(billingtest.Viewer)
		w.at(48 * time.Hour)
		v, err := w.Process().Pay(w.T.Context(), payNew())
		billingtest.ExpectError(w.T, err, nil)
		if v.Status != billing.StatusActive || v.ID != before.ID || v.Price != before.Price || !v.AnchorAt.Equal(before.AnchorAt) ||
			v.Current != (billing.Period{Start: due, End: date(5, 1)}) || v.MethodID == before.MethodID || v.Latest.Initiator != billing.CustomerInitiated {
			w.T.Errorf("the subscription is %+v, was %+v", v, before)
		}
		if c := w.lastCharge(); !c.Token.Equal(newToken) || c.Initiator != billing.CustomerInitiated {
			w.T.Errorf("the payment system received %+v", c)
		}
		w.expectRun(ports.Summary{})
		w.Clock.Advance(date(5, 1).Sub(w.Clock.Now()))
		w.expectRun(ports.Summary{Due: 1, Renewed: 1}) // the consent to the new method is verified
		if c := w.lastCharge(); !c.Token.Equal(newToken) || c.Initiator != billing.MerchantInitiated {
			w.T.Errorf("the renewal charged %+v, want the new method", c)
		}
		w.expectPaid([]billing.UserID{billingtest.Viewer}, 3)
		w.ExpectReconciled()
	})
}

// A declined payment of the viewer changes neither the access nor the retries.
func TestPay_DeclineChangesNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]billingtest.Fault{
		"declined": billingtest.Decline, "token unknown": billingtest.UnknownToken, "refused": billingtest.RequestRefused,
		"not sent": billingtest.ConnectionRefused, "credentials": billingtest.BadCredentials,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.declineFirstRenewal()
				before := w.subscriptionOf(billingtest.Viewer)
				w.Provider.SetFault(fault)
				_, err := w.Process().Pay(w.T.Context(), payNew())
				if err == nil {
					w.T.Error("Pay returned no error")
				}
				after := w.subscriptionOf(billingtest.Viewer)
				if after.Latest.Settled() && after.Latest.Status == billing.PaymentSucceeded {
					w.T.Errorf("the payment is %+v", after.Latest)
				}
				if after.LatestPaymentID = before.LatestPaymentID; after.Subscription != before.Subscription {
					w.T.Errorf("the subscription is %+v, was %+v", after.Subscription, before.Subscription)
				}
				w.Provider.SetFault(billingtest.NoFault)
				w.at(retries[0])
				w.expectRun(ports.Summary{Due: 1, Renewed: 1})
				if c := w.lastCharge(); c.Token.Equal(newToken) {
					w.T.Error("the retry charged the method that had failed")
				}
			})
		})
	}
}

// cannotCancel is a payment system that cannot cancel.
type cannotCancel struct{ ports.Provider }

// An open page that cannot be cancelled neither extends the access nor lets the viewer pay
// twice. Money that arrives later still pays for the period.
func TestPay_PageStaysOpen(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.hold()
		w.Provider.SetFault(billingtest.NeedsConfirmation)
		v, err := w.Process().Pay(w.T.Context(), payNew())
		billingtest.ExpectError(w.T, err, nil)
		if v.Status != billing.StatusPastDue || v.Latest.Status != billing.PaymentPending || v.Latest.ActionURL == "" {
			w.T.Fatalf("the subscription is %+v", v)
		}
		var open *billing.PaymentOpenError
		if _, err := w.ProcessOver(w.Store, cannotCancel{w.Provider}).Pay(w.T.Context(), payNew()); !errors.As(err, &open) || open.ActionURL != v.Latest.ActionURL {
			w.T.Errorf("a second Pay: %v, want the open page", err)
		}
		if _, err := w.Process().Replace(w.T.Context(), replaceNew()); !errors.As(err, &open) || open.ActionURL != v.Latest.ActionURL {
			w.T.Errorf("Replace: %v, want the open page", err)
		}
		w.Clock.Advance(graceEnd.Sub(w.Clock.Now()))
		w.expectRun(ports.Summary{})
		if e, err := w.Queries().Entitlements(w.T.Context(), billingtest.Viewer); len(e.Features) > 0 || err != nil {
			w.T.Errorf("after the grace the viewer may use %v, %v", e.Features, err)
		}
		w.Provider.ConfirmAll()
		time.Sleep(time.Hour)
		w.expectRun(ports.Summary{Settled: 1})
		w.expectAll([]billing.UserID{billingtest.Viewer}, billing.StatusActive)
		w.expectPaid([]billing.UserID{billingtest.Viewer}, 2)
	})
}

func TestPay_Refuses(t *testing.T) {
	t.Parallel()
	other := payNew()
	other.Price = billingtest.Rubles(1_00)
	year := payNew()
	year.Months = 12
	noSystem := payNew()
	noSystem.Source.PaymentSystem = "nowhere"
	noMethod := payNew()
	noMethod.Source = viewers.Source{Method: "no-such-method"}
	for name, tt := range map[string]struct {
		cmd  viewers.Pay
		want error
	}{
		"another price":          {other, billing.ErrPriceChanged},
		"another interval":       {year, billing.ErrPriceChanged},
		"unknown payment system": {noSystem, billing.ErrPaymentSystemNotFound},
		"unknown method":         {noMethod, billing.ErrPaymentMethodNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.hold()
				_, err := w.Process().Pay(w.T.Context(), tt.cmd)
				billingtest.ExpectError(w.T, err, tt.want)
				w.ExpectCharges(1)
			})
		})
	}
	t.Run("nothing due", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			w.MustSubscribe()
			_, err := w.Process().Pay(w.T.Context(), payNew())
			billingtest.ExpectError(w.T, err, billing.ErrNothingDue)
		})
	})
}

func TestReplace_OnHoldIsDueNow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.hold()
		before := w.subscriptionOf(billingtest.Viewer)
		w.at(48 * time.Hour)
		v, err := w.Process().Replace(w.T.Context(), replaceNew())
		billingtest.ExpectError(w.T, err, nil)
		if v.Hold != "" || !v.NextChargeAt.Equal(w.Clock.Now()) || !v.GraceUntil.Equal(graceEnd) || v.ID != before.ID {
			w.T.Errorf("the subscription is %+v", v)
		}
		w.ExpectCharges(1)
		w.expectRun(ports.Summary{Due: 1, Renewed: 1})
		if c := w.lastCharge(); !c.Token.Equal(newToken) {
			w.T.Errorf("the run charged %+v, want the new method", c)
		}
		if s := w.subscriptionOf(billingtest.Viewer); s.Current != (billing.Period{Start: due, End: date(5, 1)}) || !s.AnchorAt.Equal(before.AnchorAt) {
			w.T.Errorf("the subscription is %+v", s)
		}
		w.ExpectHistory(billing.EventSubscribed, billing.EventPaymentDeclined, billing.EventPaymentActionRequired,
			billing.EventMethodAdded, billing.EventMethodReplaced, billing.EventRenewed)
	})
}

// A payment or a replacement of the method waits for a renewal that is being charged.
func TestRecovery_WaitsForRenewal(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.at(0)
		var run sync.WaitGroup
		run.Go(func() {
			p := &faultyProvider{Provider: w.Provider, delay: 3 * time.Second}
			_, _ = w.RenewerOver(w.Store, p).Run(context.WithoutCancel(w.T.Context()))
		})
		time.Sleep(time.Second) // the run has claimed the renewal
		_, err := w.Process().Pay(w.T.Context(), payNew())
		billingtest.ExpectError(w.T, err, billing.ErrNothingDue)
		v, err := w.Process().Replace(w.T.Context(), replaceNew())
		billingtest.ExpectError(w.T, err, nil)
		if v.Status != billing.StatusActive || !v.NextChargeAt.Equal(date(5, 1)) {
			w.T.Errorf("the subscription is %+v", v)
		}
		run.Wait()
		w.ExpectCharges(2)
	})
}

// The viewer pays with another method while two runs and a sweep go on.
func TestPay_RaceWithRuns(t *testing.T) {
	t.Parallel()
	for range 200 {
		inBubble(t, func(w world) {
			w.declineFirstRenewal()
			w.Provider.SetFault(billingtest.NoFault)
			w.at(retries[0])
			ctx := context.WithoutCancel(w.T.Context())
			var all sync.WaitGroup
			for range 2 {
				all.Go(func() { _, _ = w.Renewer().Run(ctx) })
			}
			all.Go(func() { _, _ = w.Process().Sweep(ctx, 10, 4) })
			all.Go(func() {
				_, err := w.Process().Pay(ctx, payNew())
				if err != nil && !errors.Is(err, billing.ErrNothingDue) && !errors.Is(err, billing.ErrPaymentOpen) {
					w.T.Errorf("Pay: %v", err)
				}
			})
			all.Wait()
			w.runUntilQuiet()
			w.expectPaid([]billing.UserID{billingtest.Viewer}, 2)
			w.ExpectReconciled()
		})
	}
}
