//go:build mutant

package random

import "testing"

// TestPlantedBugs_AreFound checks that the test finds each bug: see cmd/internal/mutant. The
// bugs that need two processes at the same moment belong to cmd/qa/chaos.
func TestPlantedBugs_AreFound(t *testing.T) {
	for _, bug := range []string{
		"lag-believed", "new-key-after-horizon", "timeout-is-decline", "new-key-on-retry", "failed-lookup-is-absence",
		"unknown-is-given-up", "notification-believed",
	} {
		for name, create := range systems() {
			t.Run(bug+"/"+name, func(t *testing.T) {
				t.Setenv("BILLING_MUTANT", bug)
				expectFound(t, create)
			})
		}
	}
}

// expectFound expects a violation in one of the first worlds.
func expectFound(t *testing.T, create newSystem) {
	t.Helper()
	for n := range uint64(300) {
		var found []string
		inWorld(t, create, 1, n, func(w *world) {
			w.live(paymentsOfWorld)
			w.settle()
			for _, v := range w.check() {
				found = append(found, v.text)
			}
		})
		if len(found) > 0 {
			t.Logf("found in world %d: %q", n, found)
			return
		}
	}
	t.Error("the planted bug was not found")
}
