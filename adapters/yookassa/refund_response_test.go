package yookassa_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestRefund_Faults(t *testing.T) {
	t.Parallel()
	for fault, want := range map[fake.Fault]string{
		fake.LoseRequest: "unknown", fake.LoseResponse: "unknown", fake.HalfResponse: "unknown", fake.BadGateway: "succeeded",
		fake.Redirect: "unknown", fake.TooManyRequests: "busy", fake.Forbidden: "credentials", fake.InternalError: "succeeded",
		fake.Processing: "succeeded", fake.Pending: "pending", fake.OtherPayment: "unknown", fake.SlowResponse: "succeeded",
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			r := s.paid(t, fake.Method{})
			s.FailRefunds(fault)
			o, err := s.Refund(t.Context(), r)
			expectNoLeak(t, err)
			if got := ports.RefundOutcomeName(o, err); got != want {
				t.Errorf("Refund = %+v, %v: %s; want %s", o, err, got, want)
			}
			o, err = s.Refund(t.Context(), r)
			expectRefund(t, o, err, billing.PaymentSucceeded, "")
			if n, sum := s.Refunded(string(r.Key)); n != 1 || sum != 9900 {
				t.Errorf("%d refunds over %d were made, want one over 9900", n, sum)
			}
		})
	}
}

// Only a whole list without the refund proves that it is absent, and a failed lookup must
// not look like a refusal.
func TestRefund_LookupFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"server error":    {500, apiError("internal_server_error", ""), "unknown"},
		"bad request":     {400, apiError("invalid_request", "payment_id"), "unknown"},
		"not found":       {404, apiError("not_found", ""), "unknown"},
		"page of a proxy": {404, "<html>", "unknown"},
		"key of the shop": {401, apiError("invalid_credentials", ""), "credentials"},
		"too many":        {429, apiError("too_many_requests", ""), "busy"},
		"no list":         {200, `{}`, "unknown"},
		"cut off":         {200, `{"type":"list","items":[`, "unknown"},
		"no end":          {200, `{"type":"list","items":[],"next_cursor":"1"}`, "unknown"},
	} {
		for _, path := range []string{"/v3/payments/ref-1", "/v3/refunds"} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					t.Errorf("%s of %s: a refund was sent", name, path)
				case r.URL.Path == path:
					w.WriteHeader(c.status)
					_, _ = w.Write([]byte(c.body))
				case r.URL.Path == "/v3/payments/ref-1":
					_, _ = w.Write([]byte(paymentJSON(`"id":"ref-1"`)))
				default:
					_, _ = w.Write([]byte(`{"type":"list","items":[]}`))
				}
			}))
			y := newAdapter(t, server.URL+"/v3")
			r := ports.RefundRequest{Key: refundKey, Payment: key, PaymentRef: "ref-1", Amount: rubles(9900)}
			o, err := y.Refund(t.Context(), r)
			expectRefundError(t, o, err, c.want)
			o, err = y.FindRefund(t.Context(), refundQuery(r))
			expectRefundError(t, o, err, c.want)
			server.Close()
		}
	}
}

// refundJSON returns a successful refund with other members.
func refundJSON(members string) string {
	return `{"id":"re-1","payment_id":"ref-1","status":"succeeded","amount":{"value":"99.00","currency":"RUB"},"created_at":"2026-11-29T10:00:00.000Z",` +
		`"metadata":{"refund_id":"` + string(refundKey) + `","payment_id":"` + string(key) + `"},` + members + `}`
}

func TestRefund_Responses(t *testing.T) {
	t.Parallel()
	const quoted = "tok-1 of viewer@example.com"
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"succeeded":          {200, refundJSON(`"status":"succeeded"`), "succeeded"},
		"pending":            {200, refundJSON(`"status":"pending"`), "pending"},
		"canceled":           {200, refundJSON(`"status":"canceled","cancellation_details":{"reason":"` + quoted + `"}`), "declined"},
		"unknown status":     {200, refundJSON(`"status":"` + quoted + `"`), "unknown"},
		"no reference":       {200, refundJSON(`"id":""`), "unknown"},
		"other refund":       {200, refundJSON(`"metadata":{"refund_id":"` + quoted + `"}`), "unknown"},
		"other payment":      {200, refundJSON(`"payment_id":"` + quoted + `"`), "unknown"},
		"other amount":       {200, refundJSON(`"amount":{"value":"99.01","currency":"RUB"}`), "key_conflict"},
		"other currency":     {200, refundJSON(`"amount":{"value":"99.00","currency":"USD"}`), "key_conflict"},
		"no amount":          {200, refundJSON(`"amount":{"value":"` + quoted + `"}`), "unknown"},
		"empty":              {200, "", "unknown"},
		"not JSON":           {200, "<html>", "unknown"},
		"more than the rest": {400, apiError("invalid_request", "amount"), "refused"},
		"payment":            {400, apiError("invalid_request", "payment_id"), "refused"},
		"method":             {400, apiError("invalid_request", "payment_method_id"), "refused"},
		"key":                {400, apiError("invalid_request", "Idempotence-Key"), "key_conflict"},
		"key of the shop":    {401, apiError("invalid_credentials", ""), "credentials"},
		"rights of the shop": {403, apiError("forbidden", ""), "credentials"},
		"not found":          {404, apiError("not_found", ""), "refused"},
		"too many":           {429, apiError("too_many_requests", ""), "busy"},
		"firewall":           {403, "{}", "unknown"},
		"quoted":             {400, apiError(quoted, quoted), "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					w.WriteHeader(c.status)
					_, _ = w.Write([]byte(c.body))
				case r.URL.Path == "/v3/refunds":
					_, _ = w.Write([]byte(`{"type":"list","items":[]}`))
				default:
					_, _ = w.Write([]byte(paymentJSON(`"id":"ref-1"`)))
				}
			}))
			defer server.Close()
			o, err := newAdapter(t, server.URL+"/v3").Refund(t.Context(), ports.RefundRequest{Key: refundKey, Payment: key, PaymentRef: "ref-1", Amount: rubles(9900)})
			if got := ports.RefundOutcomeName(o, err); got != c.want {
				t.Errorf("Refund = %+v, %v: %s; want %s", o, err, got, c.want)
			}
			expectNoLeak(t, err)
		})
	}
}

// YooKassa had forgotten the key when the refund was sent again.
func TestFindRefund_KeyTwice(t *testing.T) {
	t.Parallel()
	items := refundJSON(`"id":"new","status":"canceled"`) + "," + refundJSON(`"id":"old","status":"succeeded"`) + "," + refundJSON(`"id":"oldest","status":"pending"`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v3/refunds" {
			_, _ = w.Write([]byte(`{"type":"list","items":[` + items + `]}`))
			return
		}
		_, _ = w.Write([]byte(paymentJSON(`"id":"ref-1"`)))
	}))
	defer server.Close()
	o, err := newAdapter(t, server.URL+"/v3").FindRefund(t.Context(), ports.RefundQuery{Key: refundKey, Payment: key, PaymentRef: "ref-1"})
	if err != nil || o.ProviderRef != "old" {
		t.Errorf("FindRefund = %+v, %v; want old", o, err)
	}
}
