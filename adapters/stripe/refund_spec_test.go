package stripe_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	stripego "github.com/stripe/stripe-go/v85"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/core/billing"
)

// read returns the fake's response to a GET.
func (w world) read(t *testing.T, path string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secretKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: status %d, %v", path, resp.StatusCode, err)
	}
	return body
}

// check compares a response with a schema of Stripe's description.
func check(s *openapi3.SchemaRef, body []byte) error {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	return s.Value.VisitJSON(v)
}

// The fake's refunds fit Stripe's description of its API, and Stripe's own library reads
// them as the adapter does.
func TestFake_RefundsFitDescription(t *testing.T) {
	t.Parallel()
	api := stripe.APIForTest(t)
	list := api.Paths.Value("/v1/refunds").Get.Responses.Value("200").Value.Content["application/json"].Schema
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	made, err := w.refund(t, r)
	expectRefundStatus(t, made, err, billing.PaymentSucceeded, "")
	for _, tt := range []struct{ from, status, reason string }{
		{"succeeded", "pending", ""}, {"pending", "requires_action", ""}, {"requires_action", "succeeded", ""},
		{"succeeded", "failed", "lost_or_stolen_card"}, {"failed", "canceled", "merchant_request"},
	} {
		w.fake.MoveRefunds(tt.from, tt.status, tt.reason)
		for _, query := range []string{"", "?expand[]=payment_intent"} {
			body := w.read(t, "/v1/refunds/"+made.ProviderRef+query)
			if err := check(api.Components.Schemas["refund"], body); err != nil {
				t.Errorf("%s%s: %v", tt.status, query, err)
			}
			var parsed stripego.Refund
			if err := json.Unmarshal(body, &parsed); err != nil {
				t.Fatalf("%s%s: Stripe's library cannot read it: %v", tt.status, query, err)
			}
			if parsed.ID != made.ProviderRef || string(parsed.Status) != tt.status || string(parsed.FailureReason) != tt.reason ||
				parsed.Amount != 9900 || parsed.Currency != "rub" || parsed.PaymentIntent.ID != r.PaymentRef ||
				parsed.Metadata["refund_id"] != string(r.Key) || parsed.Metadata["payment_id"] != string(r.Payment) {
				t.Errorf("%s%s: Stripe's library reads %+v", tt.status, query, parsed)
			}
		}
		for _, query := range []string{"?limit=10", "?limit=10&expand[]=data.payment_intent", "?limit=1&payment_intent=" + r.PaymentRef} {
			if err := check(list, w.read(t, "/v1/refunds"+query)); err != nil {
				t.Errorf("%s, %s: %v", tt.status, query, err)
			}
		}
	}
}

// The check must notice a wrong response. Otherwise it would prove nothing about the fake.
func TestFake_DescriptionCatchesFaults(t *testing.T) {
	t.Parallel()
	schema := stripe.APIForTest(t).Components.Schemas["refund"]
	const good = `{"id":"re_1","object":"refund","amount":1,"currency":"rub","created":1%s}`
	for members, valid := range map[string]bool{
		``: true, `,"amount":"1"`: false, `,"object":"charge"`: false, `,"metadata":{"refund_id":1}`: false,
		`,"failure_reason":1`: false, `,"payment_intent":1`: false, `,"payment_intent":{"id":"pi_1"}`: false, `,"status":null`: true,
	} {
		if err := check(schema, fmt.Appendf(nil, good, members)); (err == nil) != valid {
			t.Errorf("%s: %v, want valid: %t", members, err, valid)
		}
	}
}
