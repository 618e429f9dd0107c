package yookassa_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/online-cinema/billing/adapters/yookassa/fake"
)

// The check against the description must notice a wrong request and a wrong response.
// Otherwise it would prove nothing about the adapter and the fake.
func TestSpec_CatchesFaults(t *testing.T) {
	t.Parallel()
	s := needSpec(t)
	file, err := os.ReadFile("testdata/page.golden")
	if err != nil {
		t.Fatal(err)
	}
	_, request, _ := strings.Cut(string(file), "\n\n")
	_, response, _ := strings.Cut(exampleResponse(t, request), "\n\n")
	for name, c := range map[string]struct{ old, replacement string }{
		"nothing":                  {},
		"amount as a number":       {`"399.00"`, `399.00`},
		"other currency":           {`"RUB"`, `"JPY"`},
		"no return URL":            {`"return_url"`, `"returnUrl"`},
		"other confirmation":       {`"redirect"`, `"page"`},
		"capture as a text":        {`"capture":true`, `"capture":"yes"`},
		"saving as a number":       {`"save_payment_method":true`, `"save_payment_method":1`},
		"customer as a number":     {`"merchant_customer_id":"01890000-0000-7000-8000-0000000000aa"`, `"merchant_customer_id":1`},
		"nested metadata":          {`"means":"page"`, `"means":{}`},
		"no amount":                {`{"amount"`, `{"sum"`},
		"response without status":  {`"status":`, `"state":`},
		"response without time":    {`"created_at"`, `"created"`},
		"response, other status":   {`"status":"pending"`, `"status":"waiting"`},
		"response without receipt": {`"recipient"`, `"receiver"`},
		"response without address": {`"confirmation_url"`, `"url"`},
		"response, short id":       {`"id":"`, `"id":"1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, w := strings.Replace(request, c.old, c.replacement, 1), strings.Replace(response, c.old, c.replacement, 1)
			if c.old != "" && q == request && w == response {
				t.Fatalf("neither the request nor the response has %s", c.old)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v3/payments", nil)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotence-Key", string(key))
			copied := &recorder{ResponseWriter: httptest.NewRecorder(), status: http.StatusOK}
			copied.Header().Set("Content-Type", "application/json")
			copied.body.WriteString(w)
			if err := s.check(r, []byte(q), copied); (err == nil) != (c.old == "") {
				t.Errorf("check = %v", err)
			}
		})
	}
}

// exampleResponse returns the fake's response to a request, after a blank line.
func exampleResponse(t *testing.T, body string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v3/payments", strings.NewReader(body))
	r.SetBasicAuth(shopID, secretKey)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotence-Key", string(key))
	w := httptest.NewRecorder()
	fake.New(fake.Config{ShopID: shopID, SecretKey: secretKey}).ServeHTTP(w, r)
	return "\n\n" + w.Body.String()
}
