package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// payments returns the logged statuses of a payment, in order.
func payments(log, id string) (statuses []string) {
	for line := range strings.Lines(log) {
		var l struct {
			Msg, Status string
			PaymentID   string `json:"payment_id"`
		}
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "payment" && l.PaymentID == id {
			statuses = append(statuses, l.Status)
		}
	}
	return statuses
}

// The logs of all programs and billingctl payment show the history of a payment.
func TestPayment_FoundByID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "BILLING_ENV=test")
	a := w.api(t, "billing-api", "BILLING_SWEEP_INTERVAL=1h", "BILLING_CHARGE_TIMEOUT=2s")
	lost := a.at(w.viewer(t, "alice")).call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_lost_answer"))
	if lost.status != http.StatusAccepted {
		t.Fatalf("subscribe: %d %s", lost.status, lost.text)
	}
	var id string
	w.scan(t, "SELECT id::text FROM payments", &id)
	if got := payments(a.output(), id); strings.Join(got, " ") != "pending" {
		t.Errorf("statuses of %s in the log of the API: %q, want pending", id, got)
	}
	run := w.renewCommand(t, "billing-renew", nil)
	var log bytes.Buffer
	run.Stderr = &log
	if out, err := run.Output(); err != nil {
		t.Fatalf("the run: %v\n%s%s", err, out, log.String())
	}
	if got := payments(log.String(), id); strings.Join(got, " ") != "succeeded" {
		t.Errorf("statuses of %s in the log of the run: %q, want succeeded\n%s", id, got, log.String())
	}
	history := string(w.ctl(t, "payment", id))
	for _, want := range []string{"intent stored", "succeeded", "event subscribed"} {
		if !strings.Contains(history, want) {
			t.Errorf("%q is not in\n%s", want, history)
		}
	}
}
