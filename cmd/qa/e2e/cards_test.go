package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// unlimited switches off the limits per viewer.
var unlimited = []string{
	"BILLING_LIMIT_CARDS_PER_HOUR=0", "BILLING_LIMIT_CARDS_PER_DAY=0",
	"BILLING_LIMIT_DECLINES_PER_HOUR=0", "BILLING_LIMIT_DECLINES_PER_DAY=0",
}

func cardBody(number string) string {
	return fmt.Sprintf(`{"number":%q,"exp_month":12,"exp_year":2031,"holder":"A VIEWER"}`, number)
}

// addCard stores a card and returns its id.
func (v viewer) addCard(t *testing.T, number string) string {
	t.Helper()
	a := v.call(t, http.MethodPost, "/v1/cards", "", cardBody(number))
	if a.status != http.StatusCreated {
		t.Fatalf("add card: %d %s", a.status, a.text)
	}
	return a.body.ID
}

// cardPaymentBody is a subscribe request with a card.
func cardPaymentBody(card, cvv string) string {
	return strings.Replace(subscribeBody("-"), `"payment_token":"-"`, fmt.Sprintf(`"card_id":%q,"cvv":%q`, card, cvv), 1)
}

func (v viewer) pay(t *testing.T, card, cvv string) response {
	t.Helper()
	return v.call(t, http.MethodPost, "/v1/subscriptions", "", cardPaymentBody(card, cvv))
}

// approve confirms a payment on the page of the payment system.
func approve(t *testing.T, page string) {
	t.Helper()
	resp, err := http.DefaultClient.PostForm(page, url.Values{"reply": {"approve"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK { // after the redirect
		t.Fatalf("approve: %d", resp.StatusCode)
	}
}

// query returns an integer from the database.
func (w world) query(t *testing.T, sql string) (n int) {
	t.Helper()
	w.scan(t, sql, &n)
	return n
}

func (w world) scan(t *testing.T, sql string, into any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := conn.QueryRow(t.Context(), sql).Scan(into); err != nil {
		t.Fatal(err)
	}
}

// cardTable has the cards of the simulator: the response to a subscribe, and the
// history after the payment has settled and a renewal run has ended.
var cardTable = []struct {
	number  string
	status  int
	code    string // problem code, decline code or status
	history []string
}{
	{"4242424242424242", 201, "active", renewed},
	{"5555555555554444", 201, "active", renewed},
	{"2200000000000053", 201, "active", renewed},
	{"378282246310005", 201, "active", renewed},
	{"4000000000000002", 402, "generic_decline", declined},
	{"4000000000009995", 402, "insufficient_funds", declined},
	{"4000000000009987", 402, "lost_or_stolen", declined},
	{"4000000000009979", 402, "lost_or_stolen", declined},
	{"4000000000006975", 402, "limit_exceeded", declined},
	{"4000000000000069", 402, "card_expired", declined},
	{"4000000000000127", 402, "incorrect_cvc", declined},
	{"4000000000000101", 402, "incorrect_cvc", declined},
	{"4000000000000119", 402, "processing_error", declined},
	{"4000000000000341", 201, "active", []string{"card_added", "subscribed", "payment_declined"}},
	{"4000002500003155", 202, "incomplete", renewed},
	{"4000002760003184", 202, "incomplete", []string{"card_added", "subscribed", "payment_declined", "payment_action_required"}},
	{"4000003800000446", 201, "active", renewed},
	{"4000008260003178", 202, "incomplete", declined},
	{"4000000000003220", 202, "incomplete", renewed},
	{"4000008400001629", 202, "incomplete", declined},
	{"4000008400001280", 402, "processing_error", declined},
	{"4100000000000019", 402, "suspected_fraud", declined},
	{"4000000000000259", 201, "active", renewed},
	{"4000000000007726", 201, "active", renewed},
	{"4000000000005126", 201, "active", renewed},
	{"4000009900000103", 202, "incomplete", renewed},
	{"4000009900000202", 202, "incomplete", []string{"card_added", "payment_abandoned"}},
	{"4000009900000301", 202, "incomplete", renewed},
	{"4000009900000400", 202, "incomplete", renewed},
	{"4000009900000509", 202, "incomplete", renewed},
	{"4000009900000608", 202, "incomplete", declined},
	{"4000009900000707", 201, "active", renewed},
	{"4000009900000806", 202, "incomplete", renewed},
	{"4000009900000905", 503, "unavailable", []string{"card_added", "payment_abandoned", "payment_abandoned", "subscribed", "renewed"}},
	{"4000009900001002", 201, "active", renewed},
	{"4000009900001101", 201, "active", []string{"card_added", "subscribed", "payment_declined"}},
	{"4000009900001200", 201, "active", renewed},
	{"4000009900001309", 202, "incomplete", renewed},
	{"4000009900001408", 201, "active", renewed},
	{"4000009900001507", 202, "incomplete", []string{"card_added", "payment_contradicted"}},
}

var (
	renewed  = []string{"card_added", "subscribed", "renewed"}
	declined = []string{"card_added", "payment_declined"}
)

func TestCards_AllOfTheSimulator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, append(append([]string{"BILLING_CHARGE_TIMEOUT=5s"}, onTestClock...), unlimited...)...) // longer than a slow response takes
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	viewers := make([]viewer, len(cardTable))
	var wg sync.WaitGroup
	places := make(chan struct{}, 8)
	for i, c := range cardTable {
		viewers[i] = a.at(w.viewer(t, c.number))
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			viewers[i].tryCard(t, c.number, c.status, c.code)
		})
	}
	wg.Wait()
	if bad := a.at(w.viewer(t, "luhn")).call(t, http.MethodPost, "/v1/cards", "", cardBody("4242424242424241")); bad.status != 422 {
		t.Errorf("wrong check digit: %d %s, want 422", bad.status, bad.text)
	}
	for i, c := range cardTable {
		eventually(t, c.number+" is settled", func() bool {
			return c.number == "4000009900001507" || viewers[i].settled(t)
		})
	}
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	for range 2 { // the second run settles unknown outcomes of the first
		w.runRenewals(t)
	}
	for i, c := range cardTable {
		if diff := cmp.Diff(c.history, viewers[i].eventTypes(t)); diff != "" {
			t.Errorf("%s: history (-want +got):\n%s", c.number, diff)
		}
	}
	if n := w.query(t, "SELECT count(*) FROM payments WHERE initiator = 'merchant' AND status = 'pending'"); n > 0 {
		t.Errorf("%d renewals are still pending", n)
	}
}

// tryCard adds a card, pays with it and checks the response.
func (v viewer) tryCard(t *testing.T, number string, status int, code string) {
	t.Helper()
	cvv := "737"
	if strings.HasPrefix(number, "37") {
		cvv = "7373"
	}
	id := v.addCard(t, number)
	got := v.pay(t, id, cvv)
	result := fmt.Sprint(got.body.Status)
	if got.status >= 400 {
		result = got.body.Code
	}
	if got.body.DeclineCode != "" {
		result = got.body.DeclineCode
	}
	if got.status != status || result != code {
		t.Errorf("%s: %d %s, want %d %s", number, got.status, got.text, status, code)
	}
	if number == "4000009900000905" {
		v.pay(t, id, cvv)
		if third := v.pay(t, id, cvv); third.status != http.StatusCreated {
			t.Errorf("%s, third attempt: %d %s, want 201", number, third.status, third.text)
		}
	}
	if got.body.NextAction.URL != "" {
		approve(t, got.body.NextAction.URL)
	}
}

// settled reports whether the viewer has no pending payment.
func (v viewer) settled(t *testing.T) bool {
	t.Helper()
	for _, p := range v.get(t, "/v1/payments").body.Data {
		if p.Status == "pending" {
			return false
		}
	}
	return true
}

func TestCards_Limits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, append(onTestClock, "BILLING_LIMIT_DECLINES_PER_HOUR=2", "BILLING_LIMIT_CARDS_PER_DAY=2", "BILLING_LIMIT_CARDS_PER_HOUR=2")...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	alice := a.at(w.viewer(t, "alice"))
	bad := alice.addCard(t, "4000000000000002")
	good := alice.addCard(t, "4242424242424242")
	for _, want := range []int{402, 402, 429, 429} {
		if got := alice.pay(t, bad, "737"); got.status != want {
			t.Errorf("pay: %d %s, want %d", got.status, got.text, want)
		}
	}
	// Another process applies the same counts.
	other := w.api(t, "billing-api").at(alice)
	if got := other.pay(t, good, "737"); got.status != 429 || got.body.Code != "rate_limited" {
		t.Errorf("pay at another process: %d %s, want 429 rate_limited", got.status, got.text)
	}
	if got := other.call(t, http.MethodPost, "/v1/cards", "", cardBody("5555555555554444")); got.status != 429 {
		t.Errorf("third card: %d %s, want 429", got.status, got.text)
	}
	want := []string{"card_added", "card_added", "payment_declined", "payment_declined", "decline_limit_reached", "card_limit_reached"}
	if diff := cmp.Diff(want, alice.eventTypes(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	w.clock(t, "advance", "61m")
	if got := alice.pay(t, good, "737"); got.status != 201 {
		t.Errorf("an hour later: %d %s, want 201", got.status, got.text)
	}
}

// remove retries the removal of a card or a payment method until the response is 204.
func (v viewer) remove(t *testing.T, path string) {
	t.Helper()
	eventually(t, "removal of "+path, func() bool {
		a := v.call(t, http.MethodDelete, path, "", "")
		if a.status != http.StatusNoContent && a.status != http.StatusServiceUnavailable {
			t.Fatalf("remove: %d %s", a.status, a.text)
		}
		return a.status == http.StatusNoContent
	})
}

// payWith adds a card or links a token. It returns the path of its removal, and the
// request to subscribe with it.
func (v viewer) payWith(t *testing.T, kind string) (path, subscribe string) {
	t.Helper()
	if kind == "card" {
		card := v.addCard(t, "4242424242424242")
		return "/v1/cards/" + card, cardPaymentBody(card, "737")
	}
	a := v.call(t, http.MethodPost, "/v1/payment-methods", "", `{"payment_system":"simulator","payment_token":"tok_ok"}`)
	if a.status != http.StatusCreated {
		t.Fatalf("link a token: %d %s", a.status, a.text)
	}
	return "/v1/payment-methods/" + a.body.ID, subscribeBody("tok_ok")
}

// A run or a subscribe is killed at each point, then the card or the token is removed.
// After that response, no request for a charge reaches the payment system.
func TestCards_NoChargeAfterRemoval(t *testing.T) {
	t.Parallel()
	type victim struct{ program, point, kind string }
	victims := []victim{{"billing-api-crash", "subscribe.intent", "token"}, {"billing-renew-crash", "charge.before", "token"}}
	for _, point := range []string{"subscribe.intent", "charge.before", "charge.after", "record.after"} {
		victims = append(victims, victim{"billing-api-crash", point, "card"})
	}
	for _, point := range []string{"renew.claimed", "charge.before", "charge.after", "record.after"} {
		victims = append(victims, victim{"billing-renew-crash", point, "card"})
	}
	for _, c := range victims {
		t.Run(c.program+" at "+c.point+", "+c.kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, append(onTestClock, shortChargeTimeout)...)
			w.clock(t, "set", "2026-01-31T12:00:00Z")
			v := w.viewer(t, "alice")
			healthy := w.api(t, "billing-api", "BILLING_SWEEP_INTERVAL=1h")
			alice := healthy.at(v)
			path, subscribe := alice.payWith(t, c.kind)
			if c.program == "billing-api-crash" {
				expectKill(t, w.api(t, c.program, "BILLING_CRASH_AT="+c.point), v, "/v1/subscriptions", "", subscribe)
			} else {
				if a := alice.call(t, http.MethodPost, "/v1/subscriptions", "", subscribe); a.status != http.StatusCreated {
					t.Fatalf("subscribe: %d %s", a.status, a.text)
				}
				w.clock(t, "set", "2026-02-28T12:00:00Z")
				cmd := w.renewCommand(t, c.program, nil, "BILLING_CRASH_AT="+c.point)
				if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != -1 {
					t.Fatalf("the run exited with %v, want a kill", err)
				}
			}
			alice.remove(t, path)
			requests := w.query(t, "SELECT count(*) FROM simulator.requests")
			for _, day := range []string{"2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z", "2026-06-30T12:00:00Z"} {
				w.clock(t, "set", day)
				w.runRenewals(t)
			}
			if n := w.query(t, "SELECT count(*) FROM simulator.requests"); n != requests {
				t.Errorf("%d requests to the payment system after the removal", n-requests)
			}
			if n := w.query(t, "SELECT count(*) FROM subscriptions WHERE ended_at IS NULL"); n > 0 {
				t.Error("the subscription has not ended")
			}
			if n := w.query(t, "SELECT count(*) FROM cards WHERE number_ct IS NOT NULL"); n > 0 {
				t.Error("the card number is still stored")
			}
			if n := w.query(t, "SELECT count(*) FROM payment_methods WHERE removed_at IS NULL OR token_ct IS NOT NULL"); n > 0 {
				t.Error("the payment method or its token is still stored")
			}
			w.checkLedger(t, w.query(t, "SELECT count(*) FROM simulator.charges"))
		})
	}
}
