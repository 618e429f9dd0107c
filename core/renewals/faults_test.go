package renewals_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

func TestNothingIsLostWhenTheDatabaseFails(t *testing.T) {
	t.Parallel()
	tests := map[string]func(d billingtest.Did) bool{
		"the run cannot begin": func(d billingtest.Did) bool { return d.Put },
		"a claim":              func(d billingtest.Did) bool { return d.Added },
		"a claim of nothing":   func(d billingtest.Did) bool { return d.Claimed && !d.Added },
		"a record":             func(d billingtest.Did) bool { return d.Saved && !d.Resent },
		"a sweep":              func(d billingtest.Did) bool { return d.Swept },
		"sending again":        func(d billingtest.Did) bool { return d.Resent },
	}
	for name, which := range tests {
		for _, kept := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, kept %t", name, kept), func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(w world) { databaseFails(w, which, kept) })
			})
		}
	}
}

// databaseFails lets one transaction fail, which may be kept all the same.
func databaseFails(w world, which func(billingtest.Did) bool, kept bool) {
	const n = 30
	never := w.Join(1)
	w.Clock.Advance(billingtest.Month)
	w.claimOnly()
	time.Sleep(billingtest.SendOver)
	users := append(w.joinEarlier(n), never...)

	var failed atomic.Bool
	store := billingtest.Faults{Store: w.Store, Fail: func(d billingtest.Did, committed bool) error {
		if which(d) && committed == kept && !failed.Swap(true) {
			return billing.ErrUnavailable
		}
		return nil
	}}
	_, err := w.RenewerOver(store, w.Psp).Run(w.T.Context())
	billingtest.ExpectError(w.T, err, billing.ErrUnavailable)
	w.expectNoneCharged(users, 3)
	w.RunUntilQuiet()
	w.ExpectAll(users, billing.StatusActive)
	w.ExpectPaid(users, 2)
}

// expectNoneCharged expects that the ledger has none so often, or oftener.
func (w world) expectNoneCharged(users []billing.UserID, often int) {
	w.T.Helper()
	owner := make(map[billing.PaymentID]billing.UserID)
	for _, u := range users {
		for _, p := range w.paymentsOf(u) {
			owner[p.ID] = u
		}
	}
	times := make(map[billing.UserID]int)
	for _, e := range w.Psp.Entries() {
		if times[owner[e.Key]]++; times[owner[e.Key]] == often {
			w.T.Errorf("%s was charged %d times", owner[e.Key], often)
		}
	}
}

func TestADatabaseThatStaysAwayIsReported(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		which func(d billingtest.Did) bool
		want  ports.Summary
	}{
		"for claims":  {func(d billingtest.Did) bool { return d.Claimed }, ports.Summary{}},
		"for records": {func(d billingtest.Did) bool { return d.Saved }, ports.Summary{Due: 5, Failed: 5}},
		"for the end": {func(d billingtest.Did) bool { return d.Put }, ports.Summary{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.Join(5)
				w.Clock.Advance(billingtest.Month)
				store := billingtest.Faults{Store: w.Store, Fail: func(d billingtest.Did, committed bool) error {
					if tt.which(d) && !committed {
						return billing.ErrUnavailable
					}
					return nil
				}}
				w.ExpectRun(w.RenewerOver(store, w.Psp), tt.want, billing.ErrUnavailable)
				w.RunUntilQuiet()
				w.ExpectPaid(users, 2)
			})
		})
	}
}

func TestWhatWasFoundIsKeptWhenSendingAgainFails(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.Join(2)
		w.Clock.Advance(billingtest.Month)
		w.claimOnly()
		w.take(users[0])
		time.Sleep(billingtest.SendOver)
		store := billingtest.Faults{Store: w.Store, Fail: func(d billingtest.Did, _ bool) error {
			if d.Resent {
				return billing.ErrUnavailable
			}
			return nil
		}}
		got, err := w.ProcessOver(store, w.Psp).Sweep(w.T.Context(), 10)
		billingtest.ExpectError(t, err, billing.ErrUnavailable)
		if got != (payments.Swept{Settled: 1}) {
			t.Errorf("the sweep says %+v", got)
		}
	})
}

func TestARecordThatFailsOnceMakesTheRunFail(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.Join(1)
		w.Clock.Advance(billingtest.Month)
		var failed atomic.Bool
		store := billingtest.Faults{Store: w.Store, Fail: func(d billingtest.Did, _ bool) error {
			if d.Saved && !failed.Swap(true) {
				return billing.ErrUnavailable
			}
			return nil
		}}
		w.ExpectRun(w.RenewerOver(store, w.Psp), ports.Summary{Due: 1, Failed: 1}, billing.ErrUnavailable)
		time.Sleep(billingtest.SendOver)
		w.Run(ports.Summary{Settled: 1})
		w.ExpectPaid(users, 2)
	})
}
