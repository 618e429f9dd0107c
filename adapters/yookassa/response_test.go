package yookassa_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// apiError returns an error as the API writes it.
func apiError(code, parameter string) string {
	return fmt.Sprintf(`{"type":"error","id":"1","code":%q,"parameter":%q,"description":"tok-1 of viewer@example.com"}`, code, parameter)
}

func TestCharge_Statuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   string // see ports.OutcomeName
	}{
		"token":                    {400, apiError("invalid_request", "payment_method_id"), "token_unknown"},
		"key":                      {400, apiError("invalid_request", "Idempotence-Key"), "key_conflict"},
		"amount":                   {400, apiError("invalid_request", "amount.value"), "refused"},
		"no parameter":             {400, apiError("invalid_request", ""), "refused"},
		"address":                  {404, apiError("not_found", ""), "refused"},
		"method":                   {405, apiError("invalid_request", ""), "refused"},
		"media type":               {415, apiError("invalid_request", ""), "refused"},
		"key of the shop":          {401, apiError("invalid_credentials", ""), "credentials"},
		"rights of the shop":       {403, apiError("forbidden", ""), "credentials"},
		"gone":                     {410, apiError("gone", ""), "unknown"},
		"too many":                 {429, apiError("too_many_requests", ""), "busy"},
		"too many, of a proxy":     {429, "<html>", "busy"},
		"bad request of a proxy":   {400, "<html>", "unknown"},
		"not found of a proxy":     {404, "<html>", "unknown"},
		"login of a proxy":         {401, "<html>", "unknown"},
		"firewall":                 {403, "{}", "unknown"},
		"redirect":                 {302, "", "unknown"},
		"no content":               {204, "", "unknown"},
		"empty":                    {200, "", "unknown"},
		"not JSON":                 {200, "<html>", "unknown"},
		"cut off":                  {200, `{"id":"1","status":"succ`, "unknown"},
		"other type":               {200, `[]`, "unknown"},
		"no payment":               {200, `{}`, "unknown"},
		"no reference":             {200, paymentJSON(`"id":""`), "unknown"},
		"other key":                {200, paymentJSON(`"metadata":{"payment_id":"other"}`), "unknown"},
		"no key":                   {200, paymentJSON(`"metadata":{"payment_id":""}`), "unknown"},
		"unknown status":           {200, paymentJSON(`"status":"refunded"`), "unknown"},
		"waits for its capture":    {200, paymentJSON(`"status":"waiting_for_capture"`), "unknown"},
		"no amount":                {200, paymentJSON(`"amount":{"value":""}`), "unknown"},
		"amount in exponents":      {200, paymentJSON(`"amount":{"value":"3e2","currency":"RUB"}`), "unknown"},
		"amount with three digits": {200, paymentJSON(`"amount":{"value":"399.001","currency":"RUB"}`), "unknown"},
		"amount of zero":           {200, paymentJSON(`"amount":{"value":"0.00","currency":"RUB"}`), "unknown"},
		"amount as a number":       {200, paymentJSON(`"amount":{"value":399.00,"currency":"RUB"}`), "unknown"},
		"succeeded":                {200, paymentJSON(`"status":"succeeded"`), "succeeded"},
		"other amount":             {200, paymentJSON(`"amount":{"value":"399.01","currency":"RUB"}`), "succeeded"},
		"pending":                  {200, paymentJSON(`"status":"pending"`), "pending"},
		"canceled":                 {200, paymentJSON(`"status":"canceled"`), "declined"},
		"null metadata value":      {200, paymentJSON(`"status":"pending","metadata":{"payment_id":"` + string(key) + `","other":null}`), "pending"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := serve(t, tt.status, tt.body).Charge(t.Context(), renewal("tok-1"))
			if got := ports.OutcomeName(o, err); got != tt.want {
				t.Errorf("Charge = %+v, %v: %s; want %s", o, err, got, tt.want)
			}
			expectNoLeak(t, err)
		})
	}
}

// paymentJSON returns a successful payment with other members. Of two members with the
// same name the last counts.
func paymentJSON(members string) string {
	return `{"id":"1","status":"succeeded","amount":{"value":"399.00","currency":"RUB"},"metadata":{"payment_id":"` + string(key) + `"},` + members + `}`
}

// expectNoLeak expects that the error contains nothing but codes and parameters.
func expectNoLeak(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	for _, secret := range []string{"tok-1", "example.com", secretKey, "MTIzNDU2", "html", "127.0.0.1", "limit="} {
		if strings.Contains(text, secret) {
			t.Errorf("the error contains %q: %v", secret, err)
		}
	}
}

// Texts in the places of codes may quote data, so an error does not repeat them.
func TestErrors_QuoteCodesOnly(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"tok-1", "viewer@example.com", strings.Repeat("a", 65), "two words", "Größe"} {
		body := apiError(text, text)
		for name, call := range map[string]func() error{
			"charge": func() error { _, err := serve(t, 400, body).Charge(t.Context(), renewal("tok-1")); return err },
			"find": func() error {
				_, err := serve(t, 404, body).Find(t.Context(), ports.ChargeQuery{Key: key, ProviderRef: "1"})
				return err
			},
			"status": func() error {
				_, err := serve(t, 200, paymentJSON(fmt.Sprintf(`"status":%q`, text))).Charge(t.Context(), renewal("tok-1"))
				return err
			},
		} {
			if err := call(); err == nil || strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error quotes %q: %v", name, text, err)
			}
		}
	}
	_, err := serve(t, 400, apiError("invalid_request", "receipt.items[0].vat_code")).Charge(t.Context(), renewal("tok-1"))
	if err == nil || !strings.Contains(err.Error(), "code invalid_request, parameter receipt.items[0].vat_code") {
		t.Errorf("the error %v does not name the code and the parameter", err)
	}
}

func TestCharge_Busy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header, body string
		want         time.Duration
	}{
		"not said":      {"", "{}", 0},
		"in the header": {"7", `{"retry_after":1500}`, 7 * time.Second},
		"in the body":   {"", `{"type":"error","code":"too_many_requests","retry_after":1500}`, 1500 * time.Millisecond},
		"too long":      {"", `{"retry_after":99999999999}`, time.Minute},
		"negative":      {"", `{"retry_after":-5}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			_, err := newAdapter(t, server.URL+"/v3").Charge(t.Context(), renewal("tok-1"))
			busy := (*ports.BusyError)(nil)
			if !errors.As(err, &busy) || busy.After != c.want || !errors.Is(err, ports.ErrNotSent) {
				t.Errorf("Charge = %#v, want busy for %s", err, c.want)
			}
		})
	}
}

func TestCharge_ReportsAmountTaken(t *testing.T) {
	t.Parallel()
	o, err := serve(t, 200, paymentJSON(`"amount":{"value":"0.01","currency":"USD"}`)).Charge(t.Context(), renewal("tok-1"))
	if want := (billing.Money{Amount: 1, Currency: "USD"}); err != nil || o.Amount != want {
		t.Errorf("Charge = %+v, %v; want the amount %s", o, err, want)
	}
}
