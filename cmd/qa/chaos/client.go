package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// viewer is a client with a valid access token.
type viewer struct {
	w     *world
	name  string
	token string
}

// response is the response of an API.
type response struct {
	status int
	text   string
	body   struct {
		ID            string
		Status        any // a string in a subscription, a number in a problem
		Code          string
		Features      []string
		Subscription  string                      `json:"subscription_id"` // of a problem
		LatestPayment struct{ ID, Status string } `json:"latest_payment"`
		NextAction    struct{ Type string }       `json:"next_action"`
		Data          []struct {
			ID, Status, Type string
		}
	}
}

// definite reports whether a retry would get the same response: it is neither a 5xx
// nor request_in_progress.
func (a response) definite() bool {
	return a.status < http.StatusInternalServerError && a.body.Code != "request_in_progress"
}

func (a response) String() string { return fmt.Sprintf("%d %s", a.status, strings.TrimSpace(a.text)) }

// requestTimeout is longer than the programs' own limits.
const requestTimeout = 45 * time.Second

var httpClient = &http.Client{
	Timeout:   requestTimeout,
	Transport: &http.Transport{DisableKeepAlives: true, MaxIdleConns: -1}, // no connection to a killed API is reused
}

// send sends a request to an API and returns its response, or the connection's error.
func (v viewer) send(ctx context.Context, a *api, method, path, key, body string) (got response, err error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, strings.NewReader(body))
	if err != nil {
		return got, err
	}
	req.Header.Set("Authorization", "Bearer "+v.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return got, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return got, err
	}
	got.status, got.text = resp.StatusCode, string(text)
	if len(text) == 0 {
		return got, nil
	}
	return got, json.Unmarshal(text, &got.body)
}

// retry sends a request to the running APIs in turn, with the same key, until the
// response is definite. It reports a violation if that takes too long.
func (v viewer) retry(method, path, key, body string) response {
	deadline := time.Now().Add(maxWait)
	for n := 0; ; n++ {
		var got response
		err := errNoAPI
		if a := v.w.runningAPI(n); a != nil {
			got, err = v.send(v.w.ctx, a, method, path, key, body)
		}
		switch {
		case err == nil && got.definite():
			v.w.record(v, method, path, key, got)
			return got
		case v.w.ctx.Err() != nil:
			return got
		case time.Now().After(deadline):
			v.w.violated("%s %s of %s: no definite response within %v; the last was %v, error %v", method, path, v.name, maxWait, got, err)
			return got
		}
		time.Sleep(time.Duration(20+10*min(n, 20)) * time.Millisecond)
	}
}

// subscribeBody returns the body of a request to subscribe to the plan premium.
func subscribeBody(token string) string { return subscribeBodyFor("premium", 39900, token) }

func subscribeBodyFor(plan string, amount int, token string) string {
	return fmt.Sprintf(`{"plan_code":%q,"price":{"amount":%d,"currency":"RUB"},"payment_system":"simulator","payment_token":%q}`,
		plan, amount, token)
}

// subscribe subscribes to the plan premium, with retries.
func (v viewer) subscribe(token string) response {
	return v.retry(http.MethodPost, "/v1/subscriptions", "subscribe-"+v.name, subscribeBody(token))
}

// cancel cancels at the end of the period, with retries.
func (v viewer) cancel() response {
	return v.retry(http.MethodPost, "/v1/subscriptions/premium/cancel", "cancel-"+v.name, "")
}
