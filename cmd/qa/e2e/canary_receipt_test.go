package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	yookassa "github.com/online-cinema/billing/adapters/yookassa/fake"
)

// The contacts for receipts, and the words of a payment system. Any plaintext occurrence is
// a leak. The phone number fails the check of a card number, so that no log masks it.
const (
	canaryEmail = "canary.keeper.4711@cinema-canary.example"
	canaryPhone = "79995550173462"
	canaryWords = "Canary words that a payment system wrote"
)

// canaries are the texts that no evidence may contain.
func canaries() map[string]string {
	return map[string]string{
		"number": canary, "other number": otherDigit, "e-mail": canaryEmail, "phone": canaryPhone, "payment system's text": canaryWords,
	}
}

// chatty is a payment system with receipts whose responses quote the request.
type chatty struct {
	*yookassa.Fake
	url string

	mu       sync.Mutex
	statuses []int // of the next POSTs, instead of their effect
	received bytes.Buffer
}

func newChatty(t *testing.T, n *notifier) *chatty {
	t.Helper()
	c := &chatty{Fake: yookassa.New(yookassa.Config{
		ShopID: "100500", SecretKey: "test_e2e", Receipts: true,
		Notify: func(_ context.Context, body []byte) { n.send("yookassa", http.Header{}, body) },
	})}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// vars returns the variables that switch the payment system on.
func (c *chatty) vars() []string {
	return []string{
		"BILLING_YOOKASSA_SHOP_ID=100500", "BILLING_YOOKASSA_SECRET_KEY=test_e2e", "BILLING_YOOKASSA_API_URL=" + c.url + "/v3",
		"BILLING_YOOKASSA_NOTIFICATION_NETS=127.0.0.1", "BILLING_YOOKASSA_RECEIPTS=full_payment",
	}
}

// refuseNext makes the next POST fail with the status.
func (c *chatty) refuseNext(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses = append(c.statuses, status)
}

// ServeHTTP implements [http.Handler].
func (c *chatty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	quote, _ := json.Marshal(canaryWords + ": " + string(body))
	if status := c.take(r, body); status != 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"type":"error","code":"`+canaryPhone+`","parameter":`+string(quote)+`,"description":`+string(quote)+`}`)
		return
	}
	rec := httptest.NewRecorder()
	c.Fake.ServeHTTP(rec, r)
	answer := rec.Body.Bytes()
	if bytes.HasPrefix(answer, []byte("{")) {
		answer = append([]byte(`{"note":`+string(quote)+`,`), answer[1:]...)
	}
	for name, values := range rec.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(answer)
}

// take returns the status of a POST that fails, or 0.
func (c *chatty) take(r *http.Request, body []byte) (status int) {
	if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/v3/") {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received.Write(body)
	if len(c.statuses) > 0 {
		status, c.statuses = c.statuses[0], c.statuses[1:]
	}
	return status
}

// receiptFlows subscribes with contacts for receipts, at a payment system that quotes them
// and refuses some requests. It returns the API. A later run renews the subscriptions.
func (w world) receiptFlows(t *testing.T, system *chatty, n *notifier, seen *evidence) api {
	t.Helper()
	w.ctl(t, "payment-system", "add", "--code", "yookassa", "--name", "YooKassa")
	a := w.api(t, "billing-api", "BILLING_RETURN_URLS=https://cinema.example/")
	n.api.Store(&a.base)
	order := func(contact string) string {
		return strings.Replace(strings.Replace(pageBody, "simulator", "yookassa", 1), "{", `{"receipt":`+contact+`,`, 1)
	}
	email, phone := `{"email":"`+canaryEmail+`"}`, `{"phone":"+`+canaryPhone+`"}`
	send := func(name, contact string) (viewer, response) {
		v := a.at(w.viewer(t, name))
		got := v.call(t, http.MethodPost, "/v1/subscriptions", "key-of-"+name, order(contact))
		seen.add("responses", []byte(got.text))
		return v, got
	}
	for name, contact := range map[string]string{
		"both": `{"email":"` + canaryEmail + `","phone":"` + canaryPhone + `"}`, "no-object": `"` + canaryEmail + `"`,
		"no-email": `{"email":"` + canaryEmail + ` "}`, "no-phone": `{"phone":"00` + canaryPhone + `"}`, "unknown": `{"fax":"` + canaryPhone + `"}`,
	} {
		if _, got := send(name, contact); got.status != http.StatusBadRequest && got.status != http.StatusUnprocessableEntity {
			t.Errorf("a receipt with %s: %d %s, want 400 or 422", name, got.status, got.text)
		}
	}
	for status, name := range map[int]string{400: "refused", 403: "forbidden", 404: "missing", 429: "busy", 500: "broken", 502: "gateway"} {
		system.refuseNext(status)
		send(name, email)
	}
	for name, contact := range map[string]string{"by-email": email, "by-phone": phone} {
		v, got := send(name, contact)
		if got.status != http.StatusAccepted {
			t.Fatalf("subscribe with a contact: %d %s, want 202", got.status, got.text)
		}
		resp, err := noRedirects.PostForm(got.body.NextAction.URL, url.Values{"reply": {"approve"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		eventually(t, "the payment is settled", func() bool { return v.get(t, "/v1/subscriptions/premium").body.Status == "active" })
		payment := v.latestPayment(t)
		w.openRefund(t, payment, "--amount", "100.00")
		eventually(t, "the refund is settled", func() bool {
			return w.query(t, "SELECT count(*) FROM refunds WHERE payment_id = '"+payment+"' AND status = 'succeeded'") == 1
		})
		for _, path := range []string{"/v1/payments/" + payment, "/v1/history", "/v1/subscriptions"} {
			seen.add("responses", []byte(v.get(t, path).text))
		}
		seen.add("billingctl payment", w.ctl(t, "payment", payment), w.ctl(t, "payment", payment, "--json"))
	}
	system.RegisterReceipts("canceled")
	w.sql(t, "UPDATE receipts SET look_at = now() WHERE look_at IS NOT NULL")
	eventually(t, "the receipts of the payments and the refunds have failed", func() bool {
		return w.query(t, "SELECT count(*) FROM receipts WHERE status = 'failed'") == 4
	})
	return a
}

// checkReceived fails the test if the payment system did not get the contacts. Then the
// search would find nothing either way.
func (c *chatty) checkReceived(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, contact := range []string{canaryEmail, canaryPhone} {
		if !bytes.Contains(c.received.Bytes(), []byte(contact)) {
			t.Errorf("the payment system did not get %s", contact)
		}
	}
	if len(c.statuses) > 0 {
		t.Errorf("%d requests were not refused", len(c.statuses))
	}
}
