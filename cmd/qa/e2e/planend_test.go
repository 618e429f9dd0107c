package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// An operator ends a plan at the command line, the API cancels its subscriptions, and the next
// run charges none of them.
func TestPlanEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, onTestClock...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	viewers := w.subscribers(t, a, 3, "tok_ok")
	w.ctl(t, "plan", "end", "premium", "--reason", "the rights end", "--confirm", "3")
	for _, v := range viewers {
		eventually(t, "the cancel", func() bool {
			return v.get(t, "/v1/subscriptions/premium").body.CancelAtPeriodEnd
		})
		history := v.get(t, "/v1/history").text
		if n := strings.Count(history, `"decline_code":"plan_ended"`); n != 1 || strings.Contains(history, "the rights end") {
			t.Errorf("the history has %d events of the end, or the reason: %s", n, history)
		}
		if got := v.call(t, http.MethodPost, "/v1/subscriptions/premium/resume", "", ""); got.status != http.StatusConflict || got.body.Code != "invalid_transition" {
			t.Errorf("resume: %d %s, want 409 invalid_transition", got.status, got.text)
		}
	}
	late := a.at(w.viewer(t, "late"))
	if got := late.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); got.status != http.StatusNotFound {
		t.Errorf("a new viewer subscribes: %d %s, want 404", got.status, got.text)
	}
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Ended: 3})
	w.checkLedger(t, 3)
}
