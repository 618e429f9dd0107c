package viewers_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/viewers"
)

// A process cancels and dies before it responds. A repetition gets the response of the
// cancel, whatever has happened to the subscription before or since.
func TestCancel_RepeatedAfterCrash(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		at      billing.CancelAt
		before  func(w world)
		since   func(w world)
		respond viewers.Respond
		want    string
	}{
		{"nothing has changed", billing.AtPeriodEnd, world.nothing, world.nothing, respondTo, "active true"},
		{"resumed since", billing.AtPeriodEnd, world.nothing, world.resume, respondTo, "active true"},
		{"ended and subscribed again", billing.AtOnce, world.nothing, func(w world) { w.MustSubscribe() }, respondTo, "ended false"},
		{"renewal was abandoned", billing.AtOnce, world.abandonRenewal, world.nothing, respondTo, "ended false"},
		{"first payment waits for the viewer", billing.AtPeriodEnd, world.awaitConfirmation, world.nothing, respondTo, "incomplete true"},
		{"renewal was abandoned, claim without response", billing.AtOnce, world.abandonRenewal, world.nothing, nil, "ended false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.subscribeAfter(tt.before)
			r := w.newRequest()
			v, err := w.Process().Cancel(t.Context(), viewers.Cancel{
				User: billingtest.Viewer, Ref: "basic", At: tt.at, Request: &r, Respond: tt.respond,
			})
			if err != nil {
				t.Fatal(err)
			}
			tt.since(w)
			want := string(v.ID) + " " + tt.want
			for range 2 {
				got, err := w.Process().cancelKeyed(t.Context(), w.newRequest())
				if err != nil || string(got.Body) != want {
					t.Errorf("repeated cancel: %d %s, %v, want %s", got.Status, got.Body, err, want)
				}
			}
		})
	}
}

func (w world) nothing() {}

// subscribeAfter runs before, and subscribes unless before did.
func (w world) subscribeAfter(before func(w world)) {
	w.T.Helper()
	before(w)
	if len(w.Subscriptions()) == 0 {
		w.MustSubscribe()
	}
}

func (w world) resume() {
	w.T.Helper()
	_, err := w.Process().Resume(w.T.Context(), viewers.Resume{User: billingtest.Viewer, Ref: "basic"})
	billingtest.ExpectError(w.T, err, nil)
}

// abandonRenewal subscribes, and makes a renewal that the payment system refuses.
func (w world) abandonRenewal() {
	w.T.Helper()
	w.MustSubscribe()
	w.Clock.Advance(billingtest.Month)
	w.Provider.SetFault(billingtest.RequestRefused)
	_, _ = w.Renewer().Run(w.T.Context())
	if s := w.Subscriptions()[0]; s.Status != billing.StatusPastDue || s.Latest.Status != billing.PaymentAbandoned {
		w.T.Fatalf("the subscription is %s, its renewal %s", s.Status, s.Latest.Status)
	}
	w.Provider.SetFault(billingtest.NoFault)
}

func (w world) awaitConfirmation() {
	w.T.Helper()
	w.Provider.SetFault(billingtest.NeedsConfirmation)
	w.MustSubscribe()
}
