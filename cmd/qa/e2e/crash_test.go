package e2e

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// crashes is for programs that die: it makes a short window in which a charge
// may be sent, so that nobody waits long for its end. Where nobody dies, a busy
// machine would make time-outs of it.
const crashes = "BILLING_CHARGE_TIMEOUT=1s"

// killed sends a request in which the API kills itself.
func killed(t *testing.T, a api, v viewer, path, key, body string) {
	t.Helper()
	if got, err := a.at(v).try(t.Context(), http.MethodPost, path, key, body); err == nil {
		t.Fatalf("the API lived to answer %d %s", got.status, got.text)
	}
	if code := a.wait(t); code != -1 {
		t.Fatalf("the API ended with exit code %d, want a kill", code)
	}
}

// definite repeats a request until the answer is one that stays.
func definite(t *testing.T, v viewer, path, key, body string) answer {
	t.Helper()
	var a answer
	eventually(t, "definite answer", func() bool {
		a = v.call(t, http.MethodPost, path, key, body)
		return a.body.Code != "request_in_progress" && a.status != http.StatusServiceUnavailable
	})
	return a
}

// Killed with -9 at any point of a subscribe, the viewer is charged once, or not
// at all and then once by the repetition; nobody has to clean up.
func TestKilledWhileSubscribing(t *testing.T) {
	t.Parallel()
	history := map[string][]string{
		"subscribe.intent": {"payment_abandoned", "subscribed"},
		"charge.before":    {"payment_abandoned", "subscribed"},
		"charge.after":     {"subscribed"},
		"record.after":     {"subscribed"},
	}
	body := subscribing("tok_ok")
	// All are killed before any is looked at: it takes a while until a charge
	// that was not answered may be looked up, and they can wait together.
	worlds, viewers := map[string]world{}, map[string]viewer{}
	for point := range history {
		w := newWorld(t, crashes)
		alice := w.viewer(t, "alice")
		killed(t, w.api(t, "billing-api-crash", "BILLING_CRASH_AT="+point), alice, "/v1/subscriptions", "once", body)
		worlds[point], viewers[point] = w, w.api(t, "billing-api-crash").at(alice)
	}
	for point, want := range history {
		t.Run(point, func(t *testing.T) {
			repeat(t, viewers[point], body)
			checkSettled(t, viewers[point])
			if diff := cmp.Diff(want, viewers[point].types(t)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			worlds[point].agree(t, 1)
		})
	}
}

// repeat sends a subscribe again, twice: both answers are the same.
func repeat(t *testing.T, v viewer, body string) {
	t.Helper()
	first := definite(t, v, "/v1/subscriptions", "once", body)
	if first.status != http.StatusCreated || first.body.Status != "active" {
		t.Errorf("repeated, the request is answered %d %s", first.status, first.text)
	}
	again := v.call(t, http.MethodPost, "/v1/subscriptions", "once", body)
	if diff := cmp.Diff(first.text, again.text); diff != "" || again.status != first.status {
		t.Errorf("repeated again, %d instead of %d (-want +got):\n%s", again.status, first.status, diff)
	}
}

// checkSettled fails the test unless the viewer has one live subscription and
// no payment is left open.
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
			t.Error("a payment is pending still")
		}
	}
}

func TestKilledWhileCancelling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, crashes)
	dying := w.api(t, "billing-api-crash", "BILLING_CRASH_AT=change.after")
	alice := w.viewer(t, "alice")
	if a := dying.at(alice).call(t, http.MethodPost, "/v1/subscriptions", "", subscribing("tok_ok")); a.status != http.StatusCreated {
		t.Fatalf("subscribe: %d %s", a.status, a.text)
	}
	killed(t, dying, alice, "/v1/subscriptions/premium/cancel", "once", "")

	alice = w.api(t, "billing-api-crash").at(alice)
	a := definite(t, alice, "/v1/subscriptions/premium/cancel", "once", "")
	if a.status != http.StatusOK || !a.body.CancelAtPeriodEnd {
		t.Errorf("repeated, the request is answered %d %s", a.status, a.text)
	}
	if diff := cmp.Diff([]string{"subscribed", "cancel_requested"}, alice.types(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	checkSettled(t, alice)
	w.agree(t, 1)
}
