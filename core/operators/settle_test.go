package operators_test

import (
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// pending subscribes the viewer, whose first payment stays pending, and lets its send
// window pass.
func (w world) pending() ports.SubscriptionView {
	w.T.Helper()
	w.Provider.SetFault(billingtest.NeedsConfirmation)
	v := w.MustSubscribe()
	w.Clock.Advance(billingtest.PastSendWindow)
	return v
}

func (w world) settle(p billing.Payment, as billing.PaymentStatus, reason string) error {
	w.T.Helper()
	uc := operators.Payments{Collector: w.Process().Collector, By: operators.Operator{Name: "anna"}}
	_, err := uc.Settle(w.T.Context(), operators.Decision{Payment: p, As: as, Reason: reason})
	return err
}

func TestPayments_Settle(t *testing.T) {
	t.Parallel()
	for as, want := range map[billing.PaymentStatus]billing.Status{
		billing.PaymentSucceeded: billing.StatusActive,
		billing.PaymentDeclined:  billing.StatusEnded,
		billing.PaymentAbandoned: billing.StatusEnded,
	} {
		t.Run(string(as), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := w.pending()
			billingtest.ExpectError(t, w.settle(v.Latest, as, " ticket 4711 "), nil)
			got := w.Subscriptions()[0]
			if got.Status != want || got.Latest.Status != as || got.Charging {
				t.Errorf("the subscription is %s and its payment %s, want %s and %s", got.Status, got.Latest.Status, want, as)
			}
			audit := w.Store.Audit()
			entry := audit[len(audit)-1]
			if entry.Action != operators.PaymentSettled || entry.Object != string(v.Latest.ID) || entry.Operator != "anna" ||
				entry.After["status"] != string(as) || entry.After["reason"] != "ticket 4711" {
				t.Errorf("the audit entry is %+v", entry)
			}
			billingtest.ExpectError(t, w.settle(v.Latest, as, "again"), billing.ErrInvalidTransition)
			w.ExpectCharges(0)
		})
	}
}

func TestPayments_SettleRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		as     billing.PaymentStatus
		reason string
	}{
		"pending":          {billing.PaymentPending, "ticket"},
		"no reason":        {billing.PaymentSucceeded, " "},
		"a long reason":    {billing.PaymentSucceeded, strings.Repeat("x", 501)},
		"a card in it":     {billing.PaymentSucceeded, "card 4242-4242-4242-4242"},
		"invalid encoding": {billing.PaymentSucceeded, "\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := w.pending()
			billingtest.ExpectError(t, w.settle(v.Latest, c.as, c.reason), billing.ErrInvalid)
			if got := w.Subscriptions()[0]; got.Latest.Settled() {
				t.Errorf("the payment is %s", got.Latest.Status)
			}
		})
	}
}

// A program that may still send the payment could charge it after the decision.
func TestPayments_SettleWaitsForSendWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.SetFault(billingtest.NeedsConfirmation)
	v := w.MustSubscribe()
	billingtest.ExpectError(t, w.settle(v.Latest, billing.PaymentAbandoned, "ticket"), billing.ErrInvalidTransition)
}
