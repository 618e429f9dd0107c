package billingtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// ExpectSweep sweeps in a new process and compares the result.
func (w World) ExpectSweep(settled, unknown int) {
	w.T.Helper()
	swept, err := w.Process().Sweep(w.T.Context(), 100, 16)
	gotSettled, gotUnknown := swept.Count()
	if err != nil || gotSettled != settled || gotUnknown != unknown {
		w.T.Errorf("Sweep settled %d and left %d pending, %v, want %d and %d", gotSettled, gotUnknown, err, settled, unknown)
	}
}

// ExpectHistory compares the events of [Viewer], oldest first. It leaves out the
// agreements: [FakeProvider] looks for one at each charge.
func (w World) ExpectHistory(want ...billing.EventType) {
	w.T.Helper()
	events, err := w.Queries().History(w.T.Context(), Viewer, ports.Page{Limit: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	var got []billing.EventType
	for _, e := range slices.Backward(events) {
		if e.Type != billing.EventAgreed {
			got = append(got, e.Type)
		}
	}
	if !slices.Equal(got, want) {
		w.T.Errorf("the history is %v, want %v", got, want)
	}
}

// ExpectSubscription expects one subscription with one payment, and their statuses.
func (w World) ExpectSubscription(s billing.Status, p billing.PaymentStatus) ports.SubscriptionView {
	w.T.Helper()
	subs, pays := w.Subscriptions(), w.Payments()
	if len(subs) != 1 || len(pays) != 1 {
		w.T.Fatalf("%d subscriptions and %d payments, want one of each", len(subs), len(pays))
	}
	if subs[0].Status != s || pays[0].Status != p {
		w.T.Errorf("the subscription is %s and its payment %s, want %s and %s", subs[0].Status, pays[0].Status, s, p)
	}
	return subs[0]
}

// ExpectCharges compares the number of charges in the ledger.
func (w World) ExpectCharges(n int) {
	w.T.Helper()
	if got := w.Provider.Entries(); len(got) != n {
		w.T.Errorf("the ledger has %d charges, want %d: %+v", len(got), n, got)
	}
}

// ExpectReconciled expects that the payments table agrees with the ledger.
func (w World) ExpectReconciled() {
	w.T.Helper()
	r, err := payments.Reconciler{
		Payments: w.Store, Ledger: w.Provider, System: w.Provider.Code, Clock: w.Clock,
	}.Compare(w.T.Context(), time.Time{})
	if err != nil {
		w.T.Fatal(err)
	}
	if r.Differs() {
		w.T.Errorf("the payments table differs from the ledger: %+v", r)
	}
}

// ExpectError expects that got wraps want. A want of nil expects no error.
func ExpectError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got the error %v, want %v", got, want)
	}
}
