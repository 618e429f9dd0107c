package e2e

import (
	"net/http"
	"testing"
)

// A viewer cancels while a run charges the renewal. The response comes after the charge,
// and so does the response to a repetition.
func TestCancel_WaitsForCharge(t *testing.T) {
	t.Parallel()
	w, viewers := newDueWorld(t, 1, "tok_ok")
	run := w.renewCommand(t, "billing-renew", nil, "BILLING_SIMULATOR_MISHAPS=latency=2s")
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the run has claimed the renewal", func() bool {
		return w.query(t, "SELECT count(*) FROM payments WHERE status = 'pending'") > 0
	})
	first := viewers[0].call(t, http.MethodPost, "/v1/subscriptions/premium/cancel", "cancel", "")
	if first.status != http.StatusOK || !first.body.CancelAtPeriodEnd || first.body.LatestPayment.Status != "succeeded" {
		t.Errorf("cancel: %d %s, want 200, cancelled and paid", first.status, first.text)
	}
	if again := viewers[0].call(t, http.MethodPost, "/v1/subscriptions/premium/cancel", "cancel", ""); again.status != first.status || again.text != first.text {
		t.Errorf("repeated cancel: %d %s, want %d %s", again.status, again.text, first.status, first.text)
	}
	w.checkLedger(t, 2)
	if err := run.Wait(); err != nil {
		t.Errorf("the run: %v", err)
	}
}
