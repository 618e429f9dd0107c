package providertest

import "testing"

// cases are what every payment system must pass, by the names that
// [Harness.NotApplicable] knows.
var cases = []struct {
	name string
	test func(bench)
}{
	{"charge", testCharge},
	{"amounts", testAmounts},
	{"many keys", testManyKeys},
	{"ledger", testLedger},
	{"declines", testDeclines},
	{"refused", testRefused},
	{"unknown token", testUnknownToken},
	{"unknown key", testUnknownKey},
	{"same key again", testSameKeyAgain},
	{"same key at once", testSameKeyAtOnce},
	{"same key for another request", testKeyConflict},
	{"answer lost", testLostAnswer},
	{"answer slow", testSlowAnswer},
	{"unavailable", testUnavailable},
	{"cancelled before", testCancelledBefore},
	{"cancelled while waiting", testCancelledWhileWaiting},
	{"cut off at any moment", testCutOff},
	{"confirmation", testConfirmation},
	{"card", testCard},
	{"card refused", testCardRefused},
	{"card answer lost", testCardLost},
}

// Run runs the suite. It asks for a fresh harness for every case.
func Run(t *testing.T, newHarness func(*testing.T) Harness) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := bench{t, newHarness(t)}
			if why, listed := b.NotApplicable[c.name]; listed {
				t.Skipf("not applicable: %s", why)
			}
			if b.Tokens.OK.IsZero() || b.Tokens.OtherOK.IsZero() || b.Provider == nil || b.Ledger == nil {
				t.Fatal("a harness needs a provider, its ledger, and two good tokens")
			}
			c.test(b)
		})
	}
}
