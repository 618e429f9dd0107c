package providertest

import "testing"

// cases must pass at every payment system. [Harness.NotApplicable] uses their names.
var cases = []struct {
	name string
	test func(suite)
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
	{"same key concurrently", testSameKeyConcurrently},
	{"same key for another request", testKeyConflict},
	{"response lost", testLostResponse},
	{"response slow", testSlowResponse},
	{"unavailable", testUnavailable},
	{"cancelled before", testCancelledBefore},
	{"cancelled while waiting", testCancelledWhileWaiting},
	{"cancelled at any moment", testCutOff},
	{"confirmation", testConfirmation},
	{"cancel", testCancel},
	{"card", testCard},
	{"card refused", testCardRefused},
	{"card response lost", testCardLost},
	{"refund", testRefund},
	{"receipt", testReceipt},
	{"save without charge", testSave},
	{"save refused", testSaveRefused},
	{"save, same key for another request", testSaveKeyConflict},
	{"save, unknown key", testSaveUnknownKey},
	{"forget", testForget},
}

// Run runs the suite. It calls newHarness once per case, from parallel tests.
func Run(t *testing.T, newHarness func(*testing.T) Harness) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := suite{t, newHarness(t)}
			if reason, listed := s.NotApplicable[c.name]; listed {
				t.Skipf("not applicable: %s", reason)
			}
			if s.Tokens.OK.IsZero() || s.Tokens.OtherOK.IsZero() || s.Provider == nil || s.Ledger == nil {
				t.Fatal("the harness must have Provider, Ledger, Tokens.OK and Tokens.OtherOK")
			}
			c.test(s)
		})
	}
}
