package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// viewer is a client of the API.
type viewer struct{ base, token string }

// response is a response of the API.
type response struct {
	status    int
	requestID string
	text      string
	body      struct {
		Status            any // a string in a subscription, a number in a problem
		Code              string
		ID                string
		DeclineCode       string                     `json:"decline_code"`
		NextAction        struct{ Type, URL string } `json:"next_action"`
		CancelAtPeriodEnd bool                       `json:"cancel_at_period_end"`
		LatestPayment     struct{ Status string }    `json:"latest_payment"`
		CurrentPeriod     struct{ Start time.Time }  `json:"current_period"`
		Price             struct{ Amount int }
		Until             time.Time
		Data              []struct{ ID, Status, Type string }
	}
}

const subscribeTemplate = `{"plan_code":"premium","price":{"amount":39900,"currency":"RUB"},"payment_system":"simulator","payment_token":"%s"}`

func subscribeBody(token string) string { return strings.Replace(subscribeTemplate, "%s", token, 1) }

// try sends a request. It returns an error only if no complete response arrives.
func (v viewer) try(ctx context.Context, method, path, key, body string) (a response, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, v.base+path, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Close = true
	req.Header.Set("Authorization", "Bearer "+v.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	a.status, a.requestID, a.text = resp.StatusCode, resp.Header.Get("X-Request-Id"), string(text)
	if resp.StatusCode == http.StatusNoContent {
		return a, nil
	}
	return a, json.Unmarshal(text, &a.body)
}

// call is try, but the test fails without a complete response.
func (v viewer) call(t *testing.T, method, path, key, body string) response {
	t.Helper()
	a, err := v.try(t.Context(), method, path, key, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// get is call with GET. The test fails unless the status is 200.
func (v viewer) get(t *testing.T, path string) response {
	t.Helper()
	a := v.call(t, http.MethodGet, path, "", "")
	if a.status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, a.status, a.text)
	}
	return a
}

// eventTypes returns the types of the viewer's events, oldest first. It leaves out the
// agreements, which precede each payment of the viewer's own.
func (v viewer) eventTypes(t *testing.T) []string {
	t.Helper()
	var types []string
	for _, e := range v.get(t, "/v1/history?limit=100").body.Data {
		if e.Type != "agreed" {
			types = append([]string{e.Type}, types...)
		}
	}
	return types
}
