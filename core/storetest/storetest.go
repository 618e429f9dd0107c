// Package storetest checks that a store keeps what the ports of package app
// promise. Every store runs it in its own tests:
//
//	storetest.Run(t, func(t *testing.T) storetest.Harness { … })
//
// Leases and the age of answers are measured on the store's own wall clock,
// which these tests cannot set; they take leases that are over at once, or not
// for an hour. All ids are lower-case UUIDs that grow with time, and what is
// stored obeys the rules of package billing, as a database may insist on.
//
// Not here: how a store behaves when it is out of reach.
package storetest

import (
	"testing"

	"github.com/online-cinema/billing/core/ports"
)

// Harness is a store under test.
type Harness struct {
	Store ports.Store         // empty, and of this test alone
	Books ports.PaymentReader // of the same store
}

// promise is one thing that is promised, checked in a store of its own.
type promise struct {
	name  string
	check func(w *world)
}

// Run checks everything. It calls newStore once for each promise, from tests
// that run in parallel.
func Run(t *testing.T, newStore func(t *testing.T) Harness) {
	groups := map[string][]promise{
		"transactions":     transactionPromises,
		"orders":           orderPromises,
		"plans":            planPromises,
		"plan changes":     planChangePromises,
		"payment systems":  systemPromises,
		"users":            userPromises,
		"subscriptions":    subscriptionPromises,
		"names":            namePromises,
		"one live":         oneLivePromises,
		"payments":         paymentPromises,
		"one payment":      onePaymentPromises,
		"due":              duePromises,
		"due views":        dueViewPromises,
		"replacing":        replacePromises,
		"sweep":            sweepPromises,
		"send again":       resendPromises,
		"runs":             runPromises,
		"answers":          answerPromises,
		"keys":             keyPromises,
		"views":            viewPromises,
		"history":          historyPromises,
		"books":            bookPromises,
		"cards":            cardPromises,
		"methods of cards": cardMethodPromises,
		"told":             toldPromises,
	}
	for group, promises := range groups {
		for _, p := range promises {
			t.Run(group+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				p.check(newWorld(t, newStore(t)))
			})
		}
	}
}
