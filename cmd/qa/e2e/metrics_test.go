package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The metrics count payments and requests, and have no data of viewers.
func TestMetrics_CountWithoutPersonalData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api")
	for viewer, token := range map[string]string{
		"alice-canary": "tok_ok", "bob-canary": "tok_insufficient_funds", "carol-canary": "tok_3ds", "dave-canary": "tok_unavailable",
	} {
		a.at(w.viewer(t, viewer)).call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody(token))
	}
	alice := a.at(w.viewer(t, "alice-canary"))
	id := alice.get(t, "/v1/subscriptions").body.Data[0].ID
	alice.get(t, "/v1/subscriptions/"+id)
	alice.call(t, http.MethodGet, "/v1/nowhere/alice-canary", "", "")

	text := metrics(t, a)
	for _, line := range []string{
		`billing_charge_total{initiator="customer",outcome="succeeded",provider="simulator",reason=""} 1`,
		`billing_charge_total{initiator="customer",outcome="declined",provider="simulator",reason="insufficient_funds"} 1`,
		`billing_charge_total{initiator="customer",outcome="pending",provider="simulator",reason=""} 1`,
		`billing_charge_total{initiator="customer",outcome="not_sent",provider="simulator",reason=""} 1`,
		`billing_charge_duration_seconds_count{provider="simulator"} 4`,
		`billing_unknown_outcome_total{provider="simulator"} 0`,
		`billing_payment_events_total{type="subscribed"} 1`,
		`billing_payment_events_total{type="payment_declined"} 1`,
		`billing_payment_events_total{type="payment_contradicted"} 0`,
		`billing_payments_pending 1`,
		`billing_database_up 1`,
		`billing_renewal_due 0`,
		`billing_renewal_late_seconds 0`,
		`billing_log_masked_total 0`,
		`go_gc_gogc_percent 300`,
		`billing_http_request_duration_seconds_count{method="POST",route="/v1/subscriptions",status="201"} 1`,
		`billing_http_request_duration_seconds_count{method="GET",route="/v1/subscriptions/{ref}",status="200"} 1`,
		`billing_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if !strings.Contains(text, "\nbilling_vault_key_age_seconds ") {
		t.Error("no billing_vault_key_age_seconds")
	}
	for _, secret := range []string{"canary", "tok_", id} {
		if strings.Contains(text, secret) {
			t.Errorf("the metrics contain %s", secret)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestMetrics_CountSignIns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.panel(t, "BILLING_DATABASE_URL="+w.databaseURL)
	o.post(t, "/admin/signin", url.Values{"name": {"anna"}, "password": {"wrong horse battery"}})
	text := metrics(t, api{ops: o.ops})
	for _, line := range []string{`billing_panel_sign_ins_total{result="succeeded"} 1`, `billing_panel_sign_ins_total{result="password_refused"} 1`} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
}

// metrics returns the response of /metrics.
func metrics(t *testing.T, a api) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.ops+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: %s, %v", resp.Status, err)
	}
	return string(text)
}
