package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	stripe "github.com/online-cinema/billing/adapters/stripe/fake"
	yookassa "github.com/online-cinema/billing/adapters/yookassa/fake"
)

const saveBody = `{"payment_system":"simulator","return_url":"https://cinema.example/saved"}`

// openSavePage asks for a page that saves a payment method. It returns the method's id and
// the address of the page.
func (v viewer) openSavePage(t *testing.T, system string) (id, page string) {
	t.Helper()
	got := v.call(t, http.MethodPost, "/v1/payment-methods", "", strings.Replace(saveBody, "simulator", system, 1))
	if got.status != http.StatusAccepted || got.body.Status != "pending" || got.body.NextAction.Type != "redirect" {
		t.Fatalf("save a payment method of %s: %d %s, want 202 and a page", system, got.status, got.text)
	}
	return got.body.ID, got.body.NextAction.URL
}

// submitSavePage replies to the page like a viewer, who then returns to the cinema.
func submitSavePage(t *testing.T, page string, form url.Values) {
	t.Helper()
	resp, err := noRedirects.PostForm(page, form)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if back := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || back != "https://cinema.example/saved" {
		t.Errorf("the page leads to %q with %d, want back to the cinema", back, resp.StatusCode)
	}
}

func (v viewer) methodStatus(t *testing.T, id string) string {
	t.Helper()
	for _, m := range v.get(t, "/v1/payment-methods").body.Data {
		if m.ID == id {
			return m.Status
		}
	}
	return ""
}

// payBySaved makes the method that of the subscription.
func (v viewer) payBySaved(t *testing.T, id string) {
	t.Helper()
	got := v.call(t, http.MethodPut, "/v1/subscriptions/premium/payment-method", "", `{"payment_method_id":"`+id+`"}`)
	if got.status != http.StatusOK || !strings.Contains(got.text, id) {
		t.Fatalf("replace the payment method: %d %s", got.status, got.text)
	}
}

// A viewer saves a card on a page, which charges nothing. A notification makes the method
// active, a renewal charges it, and the payment system forgets it after its removal.
func TestSaving_PageToRenewalToRemoval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, append(onTestClock, "BILLING_RETURN_URLS=https://cinema.example/")...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	alice := a.at(w.viewer(t, "alice"))
	if got := alice.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); got.status != http.StatusCreated {
		t.Fatalf("subscribe: %d %s", got.status, got.text)
	}
	id, page := alice.openSavePage(t, "simulator")
	if got := alice.call(t, http.MethodPut, "/v1/subscriptions/premium/payment-method", "", `{"payment_method_id":"`+id+`"}`); got.status != http.StatusConflict {
		t.Errorf("use a method that is not saved yet: %d %s, want 409", got.status, got.text)
	}
	submitSavePage(t, page, url.Values{"reply": {"save"}, "card": {"4242 4242 4242 4242"}})
	eventually(t, "the method is active", func() bool { return alice.methodStatus(t, id) == "active" })
	a.waitNotified(t, "simulator")
	w.checkLedger(t, 1)

	alice.payBySaved(t, id)
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 1, Renewed: 1})
	w.checkLedger(t, 2)

	alice.remove(t, "/v1/payment-methods/"+id)
	w.waitForgotten(t, 1)
	history := strings.Join(alice.eventTypes(t), " ")
	if want := "subscribed payment_method_added method_replaced renewed payment_method_removed cancel_requested"; history != want {
		t.Errorf("the history is %s, want %s", history, want)
	}
}

// waitForgotten waits until no token waits to be forgotten, and the simulator has forgotten
// that many.
func (w world) waitForgotten(t *testing.T, tokens int) {
	t.Helper()
	eventually(t, "the token is forgotten", func() bool {
		return w.query(t, "SELECT count(*) FROM token_removals") == 0
	})
	if n := w.query(t, "SELECT count(*) FROM simulator.tokens WHERE forgotten"); n != tokens {
		t.Errorf("the simulator has forgotten %d tokens, want %d", n, tokens)
	}
}

// The viewer never comes back from the page.
func TestSaving_PageExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, append(onTestClock, "BILLING_CHARGE_TIMEOUT=1s")...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	alice := w.api(t, "billing-api").at(w.viewer(t, "alice"))
	id, _ := alice.openSavePage(t, "simulator")
	w.clock(t, "advance", "16m")
	eventually(t, "the method has failed", func() bool { return alice.methodStatus(t, id) == "failed" })
	if types := alice.eventTypes(t); len(types) > 0 {
		t.Errorf("the history is %v, want none", types)
	}
}

// Viewers of two payment systems save a card, and their renewals charge it.
func TestSaving_Accounts(t *testing.T) {
	t.Parallel()
	var n notifier
	stripeAPI := httptest.NewServer(stripe.New(stripe.Config{
		SecretKey: "sk_test_e2e", WebhookSecret: "whsec_e2e", Now: time.Now,
		Notify: func(header http.Header, body []byte) { n.send("stripe", header, body) },
	}))
	t.Cleanup(stripeAPI.Close)
	yookassaAPI := httptest.NewServer(yookassa.New(yookassa.Config{
		ShopID: "100500", SecretKey: "test_e2e",
		Notify: func(_ context.Context, body []byte) { n.send("yookassa", http.Header{}, body) },
	}))
	t.Cleanup(yookassaAPI.Close)
	w := newWorld(t, append(onTestClock,
		"BILLING_STRIPE_SECRET_KEY=sk_test_e2e", "BILLING_STRIPE_WEBHOOK_SECRET=whsec_e2e", "BILLING_STRIPE_API_URL="+stripeAPI.URL,
		"BILLING_YOOKASSA_SHOP_ID=100500", "BILLING_YOOKASSA_SECRET_KEY=test_e2e", "BILLING_YOOKASSA_API_URL="+yookassaAPI.URL+"/v3",
		"BILLING_YOOKASSA_NOTIFICATION_NETS=127.0.0.1")...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	n.api.Store(&a.base)
	for _, system := range []string{"stripe", "yookassa"} {
		w.ctl(t, "payment-system", "add", "--code", system, "--name", system)
		v := a.at(w.viewer(t, system))
		if got := v.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); got.status != http.StatusCreated {
			t.Fatalf("subscribe: %d %s", got.status, got.text)
		}
		id, page := v.openSavePage(t, system)
		submitSavePage(t, page, url.Values{"reply": {"approve"}})
		eventually(t, "the method of "+system+" is active", func() bool { return v.methodStatus(t, id) == "active" })
		a.waitNotified(t, system)
		w.checkLedgerOf(t, system, 0)
		v.payBySaved(t, id)
	}
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 2, Renewed: 2})
	for _, system := range []string{"stripe", "yookassa"} {
		w.checkLedgerOf(t, system, 1)
		v := a.at(w.viewer(t, system))
		v.remove(t, "/v1/payment-methods/"+v.get(t, "/v1/payment-methods").body.Data[0].ID)
	}
	eventually(t, "no token waits to be forgotten", func() bool { return w.query(t, "SELECT count(*) FROM token_removals") == 0 })
}

// After a kill at any point of a save, a retry leads to one page that works.
func TestSaving_KilledAtEachPoint(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"save.before", "save.after"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, shortChargeTimeout)
			v := w.viewer(t, "alice")
			expectKill(t, w.api(t, "billing-api-crash", "BILLING_CRASH_AT="+point), v, "/v1/payment-methods", "once", saveBody)
			alice := w.api(t, "billing-api-crash").at(v)
			first := untilFinal(t, alice, "/v1/payment-methods", "once", saveBody)
			again := alice.call(t, http.MethodPost, "/v1/payment-methods", "once", saveBody)
			if first.status != http.StatusAccepted || first.body.NextAction.URL == "" || again.text != first.text {
				t.Fatalf("retries: %d %s, then %s; want the same page", first.status, first.text, again.text)
			}
			if pages := w.query(t, "SELECT count(*) FROM simulator.saves"); pages != 1 {
				t.Errorf("%d pages are open, want one", pages)
			}
			submitSavePage(t, first.body.NextAction.URL, url.Values{"reply": {"save"}, "card": {"4242424242424242"}})
			eventually(t, "the method is active", func() bool { return alice.methodStatus(t, first.body.ID) == "active" })
		})
	}
}

// The API is killed around its request to forget a removed method or card. Another process
// makes the payment system forget the token.
func TestForgetting_KilledAtEachPoint(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"forget.before", "forget.after"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, shortChargeTimeout)
			v := w.viewer(t, "alice")
			dying := w.api(t, "billing-api-crash", "BILLING_CRASH_AT="+point)
			alice := dying.at(v)
			card := alice.addCard(t, "4242424242424242")
			if got := alice.pay(t, card, "737"); got.status != http.StatusCreated {
				t.Fatalf("subscribe: %d %s", got.status, got.text)
			}
			if got := alice.call(t, http.MethodDelete, "/v1/cards/"+card, "", ""); got.status != http.StatusNoContent {
				t.Fatalf("remove the card: %d %s", got.status, got.text)
			}
			if code := dying.wait(t); code != -1 {
				t.Fatalf("the API exited with %d, want a kill", code)
			}
			if n := w.query(t, "SELECT count(*) FROM token_removals WHERE token_ct IS NOT NULL AND token IS NULL"); n != 1 {
				t.Errorf("%d encrypted tokens wait to be forgotten, want one", n)
			}
			w.api(t, "billing-api-crash")
			w.waitForgotten(t, 1)
		})
	}
}
