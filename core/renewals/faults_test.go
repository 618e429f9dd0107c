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

func TestRun_DatabaseFailsOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]func(d txCalls) bool{
		"the run cannot begin": func(d txCalls) bool { return d.put },
		"a claim":              func(d txCalls) bool { return d.added },
		"a claim of nothing":   func(d txCalls) bool { return d.claimed && !d.added },
		"a record":             func(d txCalls) bool { return d.saved && !d.resent },
		"a sweep":              func(d txCalls) bool { return d.swept },
		"sending again":        func(d txCalls) bool { return d.resent },
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
func databaseFails(w world, which func(txCalls) bool, kept bool) {
	const n = 30
	never := w.addSubscribers(1)
	w.Clock.Advance(billingtest.Month)
	w.claimOnly()
	time.Sleep(billingtest.PastSendWindow)
	users := append(w.joinEarlier(n), never...)

	var failed atomic.Bool
	store := faultyStore{Store: w.Store, fail: func(d txCalls, committed bool) error {
		if which(d) && committed == kept && !failed.Swap(true) {
			return billing.ErrUnavailable
		}
		return nil
	}}
	_, err := w.RenewerOver(store, w.Provider).Run(w.T.Context())
	billingtest.ExpectError(w.T, err, billing.ErrUnavailable)
	w.expectNoneCharged(users, 3)
	w.runUntilQuiet()
	w.expectAll(users, billing.StatusActive)
	w.expectPaid(users, 2)
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
	for _, e := range w.Provider.Entries() {
		if times[owner[e.Key]]++; times[owner[e.Key]] == often {
			w.T.Errorf("%s was charged %d times", owner[e.Key], often)
		}
	}
}

func TestRun_DatabaseStaysDown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		which func(d txCalls) bool
		want  ports.Summary
	}{
		"for claims":  {func(d txCalls) bool { return d.claimed }, ports.Summary{}},
		"for records": {func(d txCalls) bool { return d.saved }, ports.Summary{Due: 5, Failed: 5}},
		"for the end": {func(d txCalls) bool { return d.put }, ports.Summary{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(5)
				w.Clock.Advance(billingtest.Month)
				store := faultyStore{Store: w.Store, fail: func(d txCalls, committed bool) error {
					if tt.which(d) && !committed {
						return billing.ErrUnavailable
					}
					return nil
				}}
				w.expectRunOf(w.RenewerOver(store, w.Provider), tt.want, billing.ErrUnavailable)
				w.runUntilQuiet()
				w.expectPaid(users, 2)
			})
		})
	}
}

func TestSweep_KeepsOutcomesWhenResendFails(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(2)
		w.Clock.Advance(billingtest.Month)
		w.claimOnly()
		w.take(users[0])
		time.Sleep(billingtest.PastSendWindow)
		store := faultyStore{Store: w.Store, fail: func(d txCalls, _ bool) error {
			if d.resent {
				return billing.ErrUnavailable
			}
			return nil
		}}
		got, err := w.ProcessOver(store, w.Provider).Sweep(w.T.Context(), 10)
		billingtest.ExpectError(t, err, billing.ErrUnavailable)
		if got != (payments.Swept{Settled: 1}) {
			t.Errorf("the sweep says %+v", got)
		}
	})
}

func TestRun_RecordFailsOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(1)
		w.Clock.Advance(billingtest.Month)
		var failed atomic.Bool
		store := faultyStore{Store: w.Store, fail: func(d txCalls, _ bool) error {
			if d.saved && !failed.Swap(true) {
				return billing.ErrUnavailable
			}
			return nil
		}}
		w.expectRunOf(w.RenewerOver(store, w.Provider), ports.Summary{Due: 1, Failed: 1}, billing.ErrUnavailable)
		time.Sleep(billingtest.PastSendWindow)
		w.expectRun(ports.Summary{Settled: 1})
		w.expectPaid(users, 2)
	})
}
