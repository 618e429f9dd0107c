// Package storetest is the conformance suite for stores: it tests the contracts of
// the repositories in package ports. Every store runs it in its own tests:
//
//	storetest.Run(t, func(t *testing.T) storetest.Harness { … })
//
// Leases and the age of responses follow the store's wall clock, which these tests
// cannot set. So their leases are over at once, or last an hour. All ids are
// lower-case UUIDs that grow with time. All rows obey the rules of package billing,
// because a database may enforce them.
//
// Not here: the behaviour of an unavailable store.
package storetest

import (
	"testing"

	"github.com/online-cinema/billing/core/ports"
)

// Harness is a store under test.
type Harness struct {
	Store    ports.Store         // empty, used by one test only
	Payments ports.PaymentReader // of the same store
	Refunds  ports.RefundReader  // likewise
	Feed     ports.Feed          // likewise
}

// testCase runs in a store of its own. With the name of its group, its name is a
// statement: "plan changes/are stored".
type testCase struct {
	name  string
	check func(w *world)
}

// Run runs the suite. It calls newStore once per test case, from parallel tests.
func Run(t *testing.T, newStore func(t *testing.T) Harness) {
	groups := map[string][]testCase{
		"transactions":          transactionCases,
		"checkout":              checkoutCases,
		"plan":                  planCases,
		"plan changes":          planChangeCases,
		"payment systems":       paymentSystemCases,
		"users":                 userCases,
		"subscriptions":         subscriptionCases,
		"references":            referenceCases,
		"one live subscription": uniqueLiveCases,
		"payments":              paymentCases,
		"one payment":           uniquePaymentCases,
		"due":                   dueCases,
		"due views":             dueViewCases,
		"over":                  overCases,
		"optimistic write":      replaceCases,
		"sweep":                 sweepCases,
		"resend lease":          resendCases,
		"refund":                refundCases,
		"refund lease":          refundLeaseCases,
		"refund reader":         refundReaderCases,
		"receipts":              receiptCases,
		"recheck":               recheckCases,
		"grants":                grantCases,
		"reminders":             reminderCases,
		"runs":                  runCases,
		"responses":             responseCases,
		"idempotency keys":      keyCases,
		"views":                 viewCases,
		"history":               historyCases,
		"access":                accessCases,
		"feed":                  feedCases,
		"endpoints":             endpointCases,
		"deliveries":            deliveryCases,
		"payment reader":        paymentReaderCases,
		"cards":                 cardCases,
		"card methods":          cardMethodCases,
		"method removal":        methodRemovalCases,
		"page method":           pageMethodCases,
		"save":                  saveCases,
		"token removals":        tokenRemovalCases,
		"chargeable methods":    chargeableMethodCases,
		"method views":          methodViewCases,
		"linked methods":        linkedMethodCases,
		"recorded events":       recordedEventCases,
	}
	for group, cases := range groups {
		for _, p := range cases {
			t.Run(group+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				p.check(newWorld(t, newStore(t)))
			})
		}
	}
}
