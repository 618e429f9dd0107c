package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver receives webhooks and verifies them with the independent library.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	verifier *standardwebhooks.Webhook
	status   int
	types    []string
	bodies   []string
	wrong    []error
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		err = r.verifier.Verify(body, q.Header)
	}
	var event struct{ Type string }
	if err == nil {
		err = json.Unmarshal(body, &event)
	}
	if err != nil {
		r.wrong = append(r.wrong, err)
	}
	r.types, r.bodies = append(r.types, event.Type), append(r.bodies, string(body))
	w.WriteHeader(r.status)
}

// use makes the receiver verify with this secret.
func (r *receiver) use(t *testing.T, secret string) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verifier = verifier
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.types...)
}

// received returns the bodies so far, and the faults of wrong requests.
func (r *receiver) received() (bodies []string, wrong []error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bodies), slices.Clone(r.wrong)
}

// A service receives the events of a viewer, signed, also while the secret is replaced.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "BILLING_ENV=test", "BILLING_WEBHOOK_NETS=127.0.0.1")
	a := w.api(t, "billing-api")
	r := newReceiver(t)
	var endpoint struct{ ID, Secret string }
	if err := json.Unmarshal(w.ctl(t, "endpoint", "add", "--url", r.URL, "--json"), &endpoint); err != nil {
		t.Fatal(err)
	}
	r.use(t, endpoint.Secret)
	v := a.at(w.viewer(t, "anna"))
	v.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok"))
	var recorded []string
	for _, e := range v.get(t, "/v1/history").body.Data {
		recorded = append([]string{e.Type}, recorded...)
	}
	eventually(t, "the events of the subscription", func() bool { return len(r.got()) >= len(recorded) })
	if got := r.got(); !slices.Equal(got, recorded) || len(recorded) == 0 {
		t.Errorf("received %v, want %v", got, recorded)
	}
	history := v.get(t, "/v1/history").text
	bodies, _ := r.received()
	for _, body := range bodies {
		var hook struct {
			Timestamp string
			Data      map[string]any
		}
		if err := json.Unmarshal([]byte(body), &hook); err != nil || hook.Data["subject"] != "anna" || hook.Timestamp != hook.Data["at"] {
			t.Errorf("the body is %s, %v", body, err)
		}
		if !strings.Contains(history, hook.Data["id"].(string)) {
			t.Errorf("the history lacks the event %s", body)
		}
	}
	if out := string(w.ctl(t, "endpoint", "test")); !strings.Contains(out, "responded with status 204") {
		t.Errorf("the test prints %q", out)
	}
	var rotated struct{ Secret string }
	if err := json.Unmarshal(w.ctl(t, "endpoint", "rotate", "--json"), &rotated); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{endpoint.Secret, rotated.Secret} {
		r.use(t, secret)
		w.ctl(t, "endpoint", "test")
	}
	if got := r.got(); len(got) != len(recorded)+3 || got[len(got)-1] != "test" {
		t.Errorf("received %v", got)
	}
	if _, wrong := r.received(); len(wrong) > 0 {
		t.Errorf("%v", wrong)
	}
	for _, secret := range []string{endpoint.Secret, rotated.Secret} {
		if out := a.output(); strings.Contains(out, strings.TrimPrefix(secret, "whsec_")) {
			t.Errorf("the log has a secret:\n%s", out)
		}
	}
}
