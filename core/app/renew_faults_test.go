package app_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func TestNothingIsLostWhenTheDatabaseFails(t *testing.T) {
	t.Parallel()
	tests := map[string]func(d did) bool{
		"the run cannot begin": func(d did) bool { return d.put },
		"a claim":              func(d did) bool { return d.added },
		"a claim of nothing":   func(d did) bool { return d.claimed && !d.added },
		"a record":             func(d did) bool { return d.saved && !d.resent },
		"a sweep":              func(d did) bool { return d.swept },
		"sending again":        func(d did) bool { return d.resent },
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
func databaseFails(w world, which func(did) bool, kept bool) {
	const n = 30
	never := w.join(1)
	w.clock.advance(month)
	w.claimOnly()
	time.Sleep(sendOver)
	users := append(w.joinEarlier(n), never...)

	var failed atomic.Bool
	store := faults{w.store, func(d did, committed bool) error {
		if which(d) && committed == kept && !failed.Swap(true) {
			return billing.ErrUnavailable
		}
		return nil
	}}
	_, err := w.renewerOver(store, w.psp).Run(w.t.Context())
	expectError(w.t, err, billing.ErrUnavailable)
	w.expectNoneCharged(users, 3)
	w.runUntilQuiet()
	w.expectAll(users, billing.StatusActive)
	w.expectPaid(users, 2)
}

// expectNoneCharged expects that the ledger has none so often, or oftener.
func (w world) expectNoneCharged(users []billing.UserID, often int) {
	w.t.Helper()
	owner := make(map[billing.PaymentID]billing.UserID)
	for _, u := range users {
		for _, p := range w.paymentsOf(u) {
			owner[p.ID] = u
		}
	}
	times := make(map[billing.UserID]int)
	for _, e := range w.psp.entries() {
		if times[owner[e.Key]]++; times[owner[e.Key]] == often {
			w.t.Errorf("%s was charged %d times", owner[e.Key], often)
		}
	}
}

func TestADatabaseThatStaysAwayIsReported(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		which func(d did) bool
		want  app.Summary
	}{
		"for claims":  {func(d did) bool { return d.claimed }, app.Summary{}},
		"for records": {func(d did) bool { return d.saved }, app.Summary{Due: 5, Failed: 5}},
		"for the end": {func(d did) bool { return d.put }, app.Summary{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.join(5)
				w.clock.advance(month)
				store := faults{w.store, func(d did, committed bool) error {
					if tt.which(d) && !committed {
						return billing.ErrUnavailable
					}
					return nil
				}}
				w.expectRun(w.renewerOver(store, w.psp), tt.want, billing.ErrUnavailable)
				w.runUntilQuiet()
				w.expectPaid(users, 2)
			})
		})
	}
}

func TestWhatWasFoundIsKeptWhenSendingAgainFails(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.join(2)
		w.clock.advance(month)
		w.claimOnly()
		w.take(users[0])
		time.Sleep(sendOver)
		store := faults{w.store, func(d did, _ bool) error {
			if d.resent {
				return billing.ErrUnavailable
			}
			return nil
		}}
		got, err := w.processOver(store, w.psp).Sweep(w.t.Context(), 10)
		expectError(t, err, billing.ErrUnavailable)
		if got != (app.Swept{Settled: 1}) {
			t.Errorf("the sweep says %+v", got)
		}
	})
}

func TestARecordThatFailsOnceMakesTheRunFail(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.join(1)
		w.clock.advance(month)
		var failed atomic.Bool
		store := faults{w.store, func(d did, _ bool) error {
			if d.saved && !failed.Swap(true) {
				return billing.ErrUnavailable
			}
			return nil
		}}
		w.expectRun(w.renewerOver(store, w.psp), app.Summary{Due: 1, Failed: 1}, billing.ErrUnavailable)
		time.Sleep(sendOver)
		w.run(app.Summary{Settled: 1})
		w.expectPaid(users, 2)
	})
}
