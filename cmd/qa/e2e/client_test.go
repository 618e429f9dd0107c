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

// viewer talks to the API.
type viewer struct{ base, token string }

// answer is what the API said.
type answer struct {
	status    int
	requestID string
	text      string
	body      struct {
		Status            any // of a subscription a text, of a problem a number
		Code              string
		ID                string
		DeclineCode       string                  `json:"decline_code"`
		NextAction        struct{ URL string }    `json:"next_action"`
		CancelAtPeriodEnd bool                    `json:"cancel_at_period_end"`
		LatestPayment     struct{ Status string } `json:"latest_payment"`
		Data              []struct{ ID, Status, Type string }
	}
}

const subscribeBody = `{"plan_code":"premium","price":{"amount":39900,"currency":"RUB"},"payment_system":"simulator","payment_token":"%s"}`

func subscribing(token string) string { return strings.Replace(subscribeBody, "%s", token, 1) }

// try sends a request. The error is one of the connection.
func (v viewer) try(ctx context.Context, method, path, key, body string) (a answer, err error) {
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

// call sends a request that has to be answered.
func (v viewer) call(t *testing.T, method, path, key, body string) answer {
	t.Helper()
	a, err := v.try(t.Context(), method, path, key, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (v viewer) get(t *testing.T, path string) answer {
	t.Helper()
	a := v.call(t, http.MethodGet, path, "", "")
	if a.status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, a.status, a.text)
	}
	return a
}

// types are the types of the viewer's history, oldest first.
func (v viewer) types(t *testing.T) []string {
	t.Helper()
	var types []string
	for _, e := range v.get(t, "/v1/history").body.Data {
		types = append([]string{e.Type}, types...)
	}
	return types
}
