package e2e

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shortChargeTimeout is for programs that crash. A short send window means a short
// wait for its end. In other tests it would cause time-outs on a busy machine.
const shortChargeTimeout = "BILLING_CHARGE_TIMEOUT=3s"

// expectKill sends a request during which the API kills itself.
func expectKill(t *testing.T, a api, v viewer, path, key, body string) {
	t.Helper()
	if got, err := a.at(v).try(t.Context(), http.MethodPost, path, key, body); err == nil {
		t.Fatalf("the API responded %d %s, want a kill", got.status, got.text)
	}
	if code := a.wait(t); code != -1 {
		t.Fatalf("the API exited with %d, want a kill", code)
	}
}

// untilFinal repeats a request until the response is final: not 503 and not
// request_in_progress.
func untilFinal(t *testing.T, v viewer, path, key, body string) response {
	t.Helper()
	var a response
	eventually(t, "final response", func() bool {
		a = v.call(t, http.MethodPost, path, key, body)
		return a.body.Code != "request_in_progress" && a.status != http.StatusServiceUnavailable
	})
	return a
}

// After a kill at any point of a subscribe, a retry leads to exactly one charge
// without manual cleanup.
func TestSubscribe_KilledAtEachPoint(t *testing.T) {
	t.Parallel()
	history := map[string][]string{
		"subscribe.intent": {"payment_abandoned", "subscribed"},
		"charge.before":    {"payment_abandoned", "subscribed"},
		"charge.after":     {"subscribed"},
		"record.after":     {"subscribed"},
	}
	body := subscribeBody("tok_ok")
	// All processes are killed first, because each test then waits until an unanswered
	// charge may be looked up. The waits overlap.
	worlds, viewers := map[string]world{}, map[string]viewer{}
	for point := range history {
		w := newWorld(t, shortChargeTimeout)
		alice := w.viewer(t, "alice")
		expectKill(t, w.api(t, "billing-api-crash", "BILLING_CRASH_AT="+point), alice, "/v1/subscriptions", "once", body)
		worlds[point], viewers[point] = w, w.api(t, "billing-api-crash").at(alice)
	}
	for point, want := range history {
		t.Run(point, func(t *testing.T) {
			repeat(t, viewers[point], body)
			checkSettled(t, viewers[point])
			if diff := cmp.Diff(want, viewers[point].eventTypes(t)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			worlds[point].checkLedger(t, 1)
		})
	}
}

// repeat retries a subscribe twice. Both responses must be the same.
func repeat(t *testing.T, v viewer, body string) {
	t.Helper()
	first := untilFinal(t, v, "/v1/subscriptions", "once", body)
	if first.status != http.StatusCreated || first.body.Status != "active" {
		t.Errorf("first retry: %d %s, want 201 active", first.status, first.text)
	}
	again := v.call(t, http.MethodPost, "/v1/subscriptions", "once", body)
	if diff := cmp.Diff(first.text, again.text); diff != "" || again.status != first.status {
		t.Errorf("second retry: status %d, want %d; body (-want +got):\n%s", again.status, first.status, diff)
	}
}

// checkSettled fails the test unless the viewer has one live subscription and
// no pending payment.
func checkSettled(t *testing.T, v viewer) {
	t.Helper()
	live := 0
	for _, s := range v.get(t, "/v1/subscriptions").body.Data {
		if s.Status != "ended" {
			live++
		}
	}
	if live != 1 {
		t.Errorf("%d live subscriptions, want 1", live)
	}
	for _, p := range v.get(t, "/v1/payments").body.Data {
		if p.Status == "pending" {
			t.Error("a payment is still pending")
		}
	}
}

func TestCancel_KilledAfterChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shortChargeTimeout)
	dying := w.api(t, "billing-api-crash", "BILLING_CRASH_AT=change.after")
	alice := w.viewer(t, "alice")
	if a := dying.at(alice).call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); a.status != http.StatusCreated {
		t.Fatalf("subscribe: %d %s", a.status, a.text)
	}
	expectKill(t, dying, alice, "/v1/subscriptions/premium/cancel", "once", "")

	alice = w.api(t, "billing-api-crash").at(alice)
	a := untilFinal(t, alice, "/v1/subscriptions/premium/cancel", "once", "")
	if a.status != http.StatusOK || !a.body.CancelAtPeriodEnd {
		t.Errorf("retry: %d %s, want 200 with cancel_at_period_end", a.status, a.text)
	}
	if diff := cmp.Diff([]string{"subscribed", "cancel_requested"}, alice.eventTypes(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	checkSettled(t, alice)
	w.checkLedger(t, 1)
}
