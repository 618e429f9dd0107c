package fake_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/yookassa/fake"
)

const valid = `{"amount":{"value":"399.00","currency":"RUB"},"capture":true,"save_payment_method":true,` +
	`"confirmation":{"type":"redirect","return_url":"https://cinema.example/"},"metadata":{"payment_id":"1"}}`

func newFake() *fake.Fake { return fake.New(fake.Config{ShopID: "1", SecretKey: "key"}) }

// call sends a request to the API of f, and returns the status and the body.
func call(t *testing.T, f *fake.Fake, method, path, key, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.SetBasicAuth("1", "key")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotence-Key", key)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	var decoded map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &decoded); err != nil {
		t.Fatalf("%s %s: %d %q: %v", method, path, w.Code, w.Body, err)
	}
	return w.Code, decoded
}

func TestCreate_Refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, replacement, parameter string }{
		"amount as a number":   {`"399.00"`, `399`, ""},
		"no JSON":              {`{"amount"`, `"amount"`, ""},
		"amount of zero":       {`"399.00"`, `"0.00"`, "amount"},
		"negative amount":      {`"399.00"`, `"-1.00"`, "amount"},
		"one decimal":          {`"399.00"`, `"399.0"`, "amount"},
		"other currency":       {`"RUB"`, `"JPY"`, "amount"},
		"two stages":           {`"capture":true,`, ``, "capture"},
		"unknown method":       {`"capture"`, `"payment_method_id":"m","capture"`, "payment_method_id"},
		"no confirmation":      {`"confirmation"`, `"other"`, "confirmation"},
		"embedded":             {`"redirect"`, `"embedded"`, "confirmation"},
		"no return URL":        {`"return_url"`, `"url"`, "confirmation.return_url"},
		"nothing, but the key": {``, ``, "Idempotence-Key"},
	} {
		f, key := newFake(), "k"
		if c.old == "" {
			key = "a key"
		}
		status, body := call(t, f, http.MethodPost, "/v3/payments", key, strings.Replace(valid, c.old, c.replacement, 1))
		parameter, _ := body["parameter"].(string)
		if status != http.StatusBadRequest || body["code"] != "invalid_request" || parameter != c.parameter {
			t.Errorf("%s: %d %v, want 400 with the parameter %q", name, status, body, c.parameter)
		}
		if _, list := call(t, f, http.MethodGet, "/v3/payments", "", ""); len(list["items"].([]any)) != 0 {
			t.Errorf("%s: the refused payment exists", name)
		}
	}
}

// A person opens the page in a browser and presses a button.
func TestPage_HasButtons(t *testing.T) {
	t.Parallel()
	f := newFake()
	_, made := call(t, f, http.MethodPost, "/v3/payments", "k", valid)
	page := made["confirmation"].(map[string]any)["confirmation_url"].(string)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, page, nil))
	if !strings.Contains(w.Body.String(), `<form method="post">`) || strings.Count(w.Body.String(), `name="reply"`) != 2 {
		t.Errorf("the page is %d %s, want a form with two buttons", w.Code, w.Body)
	}
}

// A repeated key returns the present payment, and another body is refused.
func TestCreate_Key(t *testing.T) {
	t.Parallel()
	f := newFake()
	_, first := call(t, f, http.MethodPost, "/v3/payments", "k", valid)
	reply(t, f, first["id"].(string), "approve", http.StatusSeeOther)
	if status, again := call(t, f, http.MethodPost, "/v3/payments", "k", valid); status != http.StatusOK || again["id"] != first["id"] || again["status"] != "succeeded" {
		t.Errorf("the same request: %d %v, want the payment as it is now", status, again)
	}
	if status, body := call(t, f, http.MethodPost, "/v3/payments", "k", valid+" "); status != http.StatusBadRequest || body["parameter"] != "Idempotence-Key" {
		t.Errorf("another request: %d %v, want a conflict", status, body)
	}
	f.Advance(24 * time.Hour)
	if _, later := call(t, f, http.MethodPost, "/v3/payments", "k", valid); later["id"] == first["id"] {
		t.Error("the key is known after a day")
	}
}

func reply(t *testing.T, f *fake.Fake, id, choice string, want int) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/checkout/"+id, strings.NewReader(url.Values{"reply": {choice}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != want {
		t.Errorf("reply %q to %q: %d, want %d", choice, id, w.Code, want)
	}
}

func TestReply_OnlyOnce(t *testing.T) {
	t.Parallel()
	f := newFake()
	_, p := call(t, f, http.MethodPost, "/v3/payments", "k", valid)
	id := p["id"].(string)
	reply(t, f, id, "perhaps", http.StatusBadRequest)
	reply(t, f, "unknown", "approve", http.StatusConflict)
	reply(t, f, id, "decline", http.StatusSeeOther)
	reply(t, f, id, "approve", http.StatusConflict)
	if _, read := call(t, f, http.MethodGet, "/v3/payments/"+id, "", ""); read["status"] != "canceled" {
		t.Errorf("the payment is %v, want canceled", read)
	}
}

func TestReply_TooLate(t *testing.T) {
	t.Parallel()
	f := newFake()
	_, p := call(t, f, http.MethodPost, "/v3/payments", "k", valid)
	f.Advance(time.Hour)
	reply(t, f, p["id"].(string), "approve", http.StatusConflict)
}

func TestList_Filters(t *testing.T) {
	t.Parallel()
	f := newFake()
	for i := range 12 {
		call(t, f, http.MethodPost, "/v3/payments", strings.Repeat("k", i+1), valid)
	}
	for query, want := range map[string]int{
		"": 10, "?limit=3": 3, "?limit=100": 12, "?status=succeeded": 0, "?status=pending&limit=100": 12,
		"?created_at.gt=" + f.Now().Add(time.Minute).Format(time.RFC3339): 0,
		"?captured_at.gte=2000-01-01T00:00:00Z":                           0,
	} {
		if _, list := call(t, f, http.MethodGet, "/v3/payments"+query, "", ""); len(list["items"].([]any)) != want {
			t.Errorf("%s: %d payments, want %d", query, len(list["items"].([]any)), want)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=101", "?limit=x", "?created_at.gte=yesterday"} {
		if status, _ := call(t, f, http.MethodGet, "/v3/payments"+query, "", ""); status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", query, status)
		}
	}
	if status, _ := call(t, f, http.MethodGet, "/v3/payouts", "", ""); status != http.StatusNotFound {
		t.Errorf("an unknown address: %d, want 404", status)
	}
}
