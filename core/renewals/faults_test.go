package renewals_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

func TestRun_DatabaseFailsOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]func(d txCalls) bool{
		"start of the run": func(d txCalls) bool { return d.put },
		"claim":            func(d txCalls) bool { return d.added },
		"empty claim":      func(d txCalls) bool { return d.claimed && !d.added },
		"record":           func(d txCalls) bool { return d.saved && !d.resent },
		"sweep":            func(d txCalls) bool { return d.swept },
		"resend":           func(d txCalls) bool { return d.resent },
	}
	for name, fails := range tests {
		for _, committed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, committed %t", name, committed), func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(w world) { databaseFailsOnce(w, fails, committed) })
			})
		}
	}
}

// databaseFailsOnce fails one transaction, before its commit or after it.
func databaseFailsOnce(w world, fails func(txCalls) bool, afterCommit bool) {
	const n = 30
	unsent := w.addSubscribers(1)
	w.Clock.Advance(billingtest.Month)
	w.claimOnly()
	time.Sleep(billingtest.PastSendWindow)
	users := append(w.addDueSubscribers(n), unsent...)

	var failed atomic.Bool
	store := faultyStore{Store: w.Store, fail: func(d txCalls, committed bool) error {
		if fails(d) && committed == afterCommit && !failed.Swap(true) {
			return billing.ErrUnavailable
		}
		return nil
	}}
	_, err := w.RenewerOver(store, w.Provider).Run(w.T.Context())
	billingtest.ExpectError(w.T, err, billing.ErrUnavailable)
	w.expectChargesBelow(users, 3)
	w.runUntilQuiet()
	w.expectAll(users, billing.StatusActive)
	w.expectPaid(users, 2)
}

// expectChargesBelow expects fewer than limit charges per user in the ledger.
func (w world) expectChargesBelow(users []billing.UserID, limit int) {
	w.T.Helper()
	owner := make(map[billing.PaymentID]billing.UserID)
	for _, u := range users {
		for _, p := range w.paymentsOf(u) {
			owner[p.ID] = u
		}
	}
	times := make(map[billing.UserID]int)
	for _, e := range w.Provider.Entries() {
		if times[owner[e.Key]]++; times[owner[e.Key]] == limit {
			w.T.Errorf("%s was charged %d times", owner[e.Key], limit)
		}
	}
}

func TestRun_DatabaseStaysDown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fails func(d txCalls) bool
		want  ports.Summary
	}{
		"claims":         {func(d txCalls) bool { return d.claimed }, ports.Summary{}},
		"records":        {func(d txCalls) bool { return d.saved }, ports.Summary{Due: 5, Failed: 5}},
		"end of the run": {func(d txCalls) bool { return d.put }, ports.Summary{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(5)
				w.Clock.Advance(billingtest.Month)
				store := faultyStore{Store: w.Store, fail: func(d txCalls, committed bool) error {
					if tt.fails(d) && !committed {
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
		w.chargePending(users[0])
		time.Sleep(billingtest.PastSendWindow)
		store := faultyStore{Store: w.Store, fail: func(d txCalls, _ bool) error {
			if d.resent {
				return billing.ErrUnavailable
			}
			return nil
		}}
		got, err := w.ProcessOver(store, w.Provider).Sweep(w.T.Context(), 10, 16)
		billingtest.ExpectError(t, err, billing.ErrUnavailable)
		if len(got) != 1 || !got[0].Payment.Settled() {
			t.Errorf("Sweep = %+v, want one settled", got)
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
