package billing

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// vectorSecret is the secret of the examples in the specification of Standard Webhooks.
const vectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// The vector is that of the specification's own libraries.
func TestSignWebhook_Vector(t *testing.T) {
	t.Parallel()
	secret, err := ParseWebhookSecret(vectorSecret)
	if err != nil {
		t.Fatal(err)
	}
	got := SignWebhook("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), secret)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature is %s, want %s", got, want)
	}
}

func TestSignWebhook_SignsWithEachSecret(t *testing.T) {
	t.Parallel()
	first, second := webhookSecret(t, 1), webhookSecret(t, 2)
	at, body := time.Unix(1, 999_999_999), []byte("{}")
	want := SignWebhook("id", at, body, first) + " " + SignWebhook("id", at, body, second)
	if got := SignWebhook("id", at, body, first, second); got != want || strings.Count(got, "v1,") != 2 {
		t.Errorf("signatures are %s, want %s", got, want)
	}
	for name, other := range map[string]string{
		"another id":     SignWebhook("di", at, body, first),
		"another time":   SignWebhook("id", at.Add(time.Second), body, first),
		"another body":   SignWebhook("id", at, []byte("[]"), first),
		"another secret": SignWebhook("id", at, body, second),
	} {
		if other == SignWebhook("id", at, body, first) {
			t.Errorf("%s has the same signature", name)
		}
	}
}

func webhookSecret(t *testing.T, n byte) WebhookSecret {
	t.Helper()
	s, err := NewWebhookSecret(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWebhookSecret(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{0: false, 23: false, 24: true, 32: true, 64: true, 65: false} {
		if _, err := NewWebhookSecret(make([]byte, n)); (err == nil) != ok {
			t.Errorf("%d bytes: error %v, want none: %t", n, err, ok)
		}
	}
	for _, text := range []string{"", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_not base64 at all, but it is long"} {
		if _, err := ParseWebhookSecret(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: error %v, want one without the text", text, err)
		}
	}
	s := webhookSecret(t, 1)
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(text, "whsec_") {
		t.Errorf("the secret prints: %s", text)
	}
}

func TestWebhookResponse_Result(t *testing.T) {
	t.Parallel()
	for want, list := range map[WebhookResult][]WebhookResponse{
		WebhookDelivered: {{Status: 200}, {Status: 204}, {Status: 299}, {Status: 202, RetryAfter: time.Minute}},
		WebhookFailed:    {{Status: 100}, {Status: 301}, {Status: 302}, {Status: 400}, {Status: 404}, {Status: 500}},
		WebhookDown:      {{Status: 429}, {Status: 502}, {Status: 503}, {Status: 504}, {Status: 500, RetryAfter: time.Second}, {Failure: WebhookTimeout}, {Failure: WebhookForbiddenAddress}},
		WebhookGone:      {{Status: 410}, {Status: 410, RetryAfter: time.Minute}},
	} {
		for _, r := range list {
			if got := r.Result(); got != want {
				t.Errorf("%v with Retry-After %v is %s, want %s", r, r.RetryAfter, got, want)
			}
		}
	}
}

func TestWebhookDelay(t *testing.T) {
	t.Parallel()
	want := []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour, 24 * time.Hour}
	for i, delay := range want {
		if got := WebhookDelay(i+1, 0); got != delay {
			t.Errorf("after %d tries the delay is %v, want %v", i+1, got, delay)
		}
		if got := WebhookDelay(i+1, 1); got != delay+delay/10 {
			t.Errorf("after %d tries the longest delay is %v, want %v", i+1, got, delay+delay/10)
		}
	}
	if got := WebhookDelay(1000, 0); got != 24*time.Hour {
		t.Errorf("after 1000 tries the delay is %v, want a day", got)
	}
}

func TestEndpoint_Down(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	refused := WebhookResponse{Failure: WebhookNotConnected}
	e := Endpoint{}.Down(refused, false, at, 0)
	if e.Tries != 1 || !e.NextTryAt.Equal(at.Add(5*time.Second)) || !e.FailingSince.Equal(at) {
		t.Errorf("after the first try: %+v", e)
	}
	later := at.Add(time.Minute)
	e = e.Down(refused, false, later, 0)
	if e.Tries != 2 || !e.NextTryAt.Equal(later.Add(5*time.Minute)) || !e.FailingSince.Equal(at) {
		t.Errorf("after the second try: %+v", e)
	}
	if got := e.Down(WebhookResponse{Status: 503, RetryAfter: 40 * time.Minute}, false, later, 0); !got.NextTryAt.Equal(later.Add(40 * time.Minute)) {
		t.Errorf("with Retry-After the next try is at %v", got.NextTryAt)
	}
	if got := e.Down(WebhookResponse{Status: 429}, true, later, 0); got.Tries != 1 || !got.FailingSince.Equal(later) {
		t.Errorf("after it took some: %+v", got)
	}
	if got := e.Up(); got.Tries != 0 || !got.NextTryAt.IsZero() || !got.FailingSince.IsZero() {
		t.Errorf("up again: %+v", got)
	}
}

func TestEndpoint_OperatorsChanges(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	down := Endpoint{}.Down(WebhookResponse{Status: 503}, false, at, 0)
	disabled := down.Disable(at).Disable(at.Add(time.Hour))
	if !disabled.DisabledAt.Equal(at) {
		t.Errorf("disabled at %v, want the first time", disabled.DisabledAt)
	}
	if e := disabled.Enable(); !e.DisabledAt.IsZero() || !e.NextTryAt.IsZero() || e.Tries != 1 {
		t.Errorf("enabled: %+v", e)
	}
	if e := down.Replay(at); !e.ReplayFrom.Equal(at) || !e.NextTryAt.IsZero() {
		t.Errorf("replayed: %+v", e)
	}
	asked := down.AskForTest(at)
	if e := asked.Tested(WebhookResponse{Status: 200}, at); !e.NextTryAt.IsZero() || e.TestStatus != "200" || !e.TestAskedAt.IsZero() {
		t.Errorf("tested with success: %+v", e)
	}
	if e := asked.Tested(WebhookResponse{Failure: WebhookTLS}, at); !e.NextTryAt.Equal(down.NextTryAt) || e.TestStatus != "tls" {
		t.Errorf("tested without success: %+v", e)
	}
}
