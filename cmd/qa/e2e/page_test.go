package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const pageBody = `{"plan_code":"premium","price":{"amount":39900,"currency":"RUB"},"payment_system":"simulator","return_url":"https://cinema.example/done"}`

// A viewer pays on the payment system's page, which notifies the service. Renewals charge
// the card that the viewer entered there.
func TestPage_SubscribeAndRenew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, append(onTestClock, "BILLING_RETURN_URLS=https://cinema.example/")...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	alice := a.at(w.viewer(t, "alice"))
	if got := alice.get(t, "/v1/payment-systems"); !strings.Contains(got.text, `"accepts":["token","page","card"]`) {
		t.Errorf("payment systems: %s", got.text)
	}
	if got := alice.call(t, http.MethodPost, "/v1/subscriptions", "", strings.Replace(pageBody, "cinema.example", "thief.example", 1)); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a return address that is not allowed: %d %s, want 422", got.status, got.text)
	}
	got := alice.call(t, http.MethodPost, "/v1/subscriptions", "", pageBody)
	if got.status != http.StatusAccepted || got.body.Status != "incomplete" || got.body.NextAction.Type != "redirect" {
		t.Fatalf("subscribe: %d %s, want 202 and a page", got.status, got.text)
	}
	resp, err := noRedirects.PostForm(got.body.NextAction.URL, url.Values{"reply": {"pay"}, "card": {"4242 4242 4242 4242"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if back := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || back != "https://cinema.example/done" {
		t.Errorf("the page leads to %q with %d, want back to the cinema", back, resp.StatusCode)
	}
	eventually(t, "the payment is settled", func() bool { return alice.get(t, "/v1/subscriptions/premium").body.Status == "active" })
	a.waitNotified(t, "simulator")

	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 1, Renewed: 1})
	w.checkLedger(t, 2)
	if got := alice.get(t, "/v1/payment-methods"); !strings.Contains(got.text, `"kind":"token"`) || !strings.Contains(got.text, `"status":"active"`) {
		t.Errorf("payment methods: %s, want an active one", got.text)
	}
}

// waitNotified waits until the API has counted a genuine notification. It counts a
// notification as unknown if a sweep was faster.
func (a api) waitNotified(t *testing.T, system string) {
	t.Helper()
	counted := regexp.MustCompile(`\nbilling_notifications_total\{provider="` + system + `",result="(accepted|unknown)"\} [1-9]`)
	eventually(t, "the notification of "+system+" is counted", func() bool { return counted.MatchString(metrics(t, a)) })
}

// noRedirects is a browser that stays where it is.
var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// A forged notification neither settles a payment nor tells anything.
func TestNotifications_Forged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api")
	alice := a.at(w.viewer(t, "alice"))
	if got := alice.call(t, http.MethodPost, "/v1/subscriptions", "", pageBody); got.status != http.StatusAccepted {
		t.Fatalf("subscribe: %d %s", got.status, got.text)
	}
	for system, want := range map[string]int{"simulator": http.StatusUnauthorized, "stripe": http.StatusNotFound} {
		resp, err := http.Post(alice.base+"/v1/notifications/"+system, "application/json", strings.NewReader(`{"type":"payment.changed"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("notification of %s: status %d, want %d", system, resp.StatusCode, want)
		}
	}
	if got := alice.get(t, "/v1/subscriptions/premium"); got.body.Status != "incomplete" {
		t.Errorf("the subscription is %s, want incomplete", got.body.Status)
	}
}
