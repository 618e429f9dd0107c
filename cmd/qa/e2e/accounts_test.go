package e2e

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	stripe "github.com/online-cinema/billing/adapters/stripe/fake"
	yookassa "github.com/online-cinema/billing/adapters/yookassa/fake"
)

// notifier sends the notifications of the fakes to the API, once it runs.
type notifier struct{ api atomic.Pointer[string] }

func (n *notifier) send(system string, header http.Header, body []byte) {
	base := n.api.Load()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, *base+"/v1/notifications/"+system, bytes.NewReader(body))
	if err != nil {
		panic(err) // the address is valid
	}
	req.Header = header.Clone()
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

// Viewers of two payment systems pay on their pages, are told to be active by
// notifications, and are renewed after a month with the saved methods. A part of each
// renewal is refunded.
func TestAccounts_PageToRenewal(t *testing.T) {
	t.Parallel()
	var n notifier
	stripeFake := stripe.New(stripe.Config{
		SecretKey: "sk_test_e2e", WebhookSecret: "whsec_e2e", Now: time.Now,
		Notify: func(header http.Header, body []byte) { n.send("stripe", header, body) },
	})
	stripeAPI := httptest.NewServer(stripeFake)
	t.Cleanup(stripeAPI.Close)
	yookassaFake := yookassa.New(yookassa.Config{
		ShopID: "100500", SecretKey: "test_e2e",
		Notify: func(_ context.Context, body []byte) { n.send("yookassa", http.Header{}, body) },
	})
	yookassaAPI := httptest.NewServer(yookassaFake)
	t.Cleanup(yookassaAPI.Close)
	paidBack := map[string]func(refund string) (n int, sum int64){"stripe": stripeFake.Refunded, "yookassa": yookassaFake.Refunded}
	w := newWorld(t, append(onTestClock,
		"BILLING_STRIPE_SECRET_KEY=sk_test_e2e", "BILLING_STRIPE_WEBHOOK_SECRET=whsec_old whsec_e2e", "BILLING_STRIPE_API_URL="+stripeAPI.URL,
		"BILLING_YOOKASSA_SHOP_ID=100500", "BILLING_YOOKASSA_SECRET_KEY=test_e2e", "BILLING_YOOKASSA_API_URL="+yookassaAPI.URL+"/v3",
		"BILLING_YOOKASSA_NOTIFICATION_NETS=127.0.0.1")...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	for _, system := range []string{"stripe", "yookassa"} {
		w.ctl(t, "payment-system", "add", "--code", system, "--name", system)
		w.ctl(t, "payment-system", "check", system)
	}
	a := w.api(t, "billing-api")
	n.api.Store(&a.base)
	for _, system := range []string{"stripe", "yookassa"} {
		v := a.at(w.viewer(t, system))
		got := v.call(t, http.MethodPost, "/v1/subscriptions", "", strings.Replace(pageBody, "simulator", system, 1))
		if got.status != http.StatusAccepted || got.body.NextAction.Type != "redirect" {
			t.Fatalf("subscribe with %s: %d %s, want 202 and a page", system, got.status, got.text)
		}
		resp, err := noRedirects.PostForm(got.body.NextAction.URL, url.Values{"reply": {"approve"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if back := resp.Header.Get("Location"); back != "https://cinema.example/done" {
			t.Errorf("%s leads to %q, want back to the cinema", system, back)
		}
		eventually(t, "the payment of "+system+" is settled", func() bool { return v.get(t, "/v1/subscriptions/premium").body.Status == "active" })
		a.waitNotified(t, system)
	}
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 2, Renewed: 2})
	for _, system := range []string{"stripe", "yookassa"} {
		w.checkLedgerOf(t, system, 2)
		v := a.at(w.viewer(t, system))
		renewal := v.latestPayment(t)
		r := w.openRefund(t, renewal, "--amount", "100.00")
		v.waitRefunded(t, renewal, r, "succeeded")
		if n, sum := paidBack[system](r.ID); n != 1 || sum != 100_00 {
			t.Errorf("%s has %d refunds of %d, want one of 10000", system, n, sum)
		}
		w.checkLedgerOf(t, system, 2)
		w.checkRefunds(t, system, 1)
	}
	for _, secret := range []string{"sk_test_e2e", "whsec_e2e", "test_e2e"} {
		if strings.Contains(a.output(), secret) {
			t.Errorf("the log of the API contains %s", secret)
		}
	}
}
