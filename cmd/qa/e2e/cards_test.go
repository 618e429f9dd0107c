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

// unlimited lets one viewer do what only testers do.
var unlimited = []string{
	"BILLING_LIMIT_CARDS_PER_HOUR=0", "BILLING_LIMIT_CARDS_PER_DAY=0",
	"BILLING_LIMIT_DECLINES_PER_HOUR=0", "BILLING_LIMIT_DECLINES_PER_DAY=0",
}

func cardBody(number string) string {
	return fmt.Sprintf(`{"number":%q,"exp_month":12,"exp_year":2031,"holder":"A VIEWER"}`, number)
}

// add keeps a card and returns its id.
func (v viewer) add(t *testing.T, number string) string {
	t.Helper()
	a := v.call(t, http.MethodPost, "/v1/cards", "", cardBody(number))
	if a.status != http.StatusCreated {
		t.Fatalf("add card: %d %s", a.status, a.text)
	}
	return a.body.ID
}

func paying(card, cvv string) string {
	return strings.Replace(subscribing("-"), `"payment_token":"-"`, fmt.Sprintf(`"card_id":%q,"cvv":%q`, card, cvv), 1)
}

func (v viewer) pay(t *testing.T, card, cvv string) answer {
	t.Helper()
	return v.call(t, http.MethodPost, "/v1/subscriptions", "", paying(card, cvv))
}

// approve does on the page of a payment system what a viewer does.
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

// query asks the database as a superuser.
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

// The cards of the simulator's table: how a subscribe is answered, and the
// history after it was settled and after a renewal run.
var cardTable = []struct {
	number  string
	status  int
	code    string // of the problem, or the decline code, or the status
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
	{"4000002760003184", 202, "incomplete", []string{"card_added", "subscribed", "payment_declined", "ended"}},
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

func TestEveryCardOfTheTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, append(append([]string{"BILLING_CHARGE_TIMEOUT=5s"}, onTestClock...), unlimited...)...) // more than a slow answer takes
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
		t.Errorf("a wrong digit: %d %s", bad.status, bad.text)
	}
	for i, c := range cardTable {
		eventually(t, c.number+" is settled", func() bool {
			return c.number == "4000009900001507" || viewers[i].settled(t)
		})
	}
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	for range 2 { // what the first leaves unknown, the second settles
		w.renewed(t)
	}
	for i, c := range cardTable {
		if diff := cmp.Diff(c.history, viewers[i].types(t)); diff != "" {
			t.Errorf("%s: history (-want +got):\n%s", c.number, diff)
		}
	}
	if n := w.query(t, "SELECT count(*) FROM payments WHERE initiator = 'merchant' AND status = 'pending'"); n > 0 {
		t.Errorf("%d renewals are pending still", n)
	}
}

// tryCard adds a card and pays with it, as the table says.
func (v viewer) tryCard(t *testing.T, number string, status int, code string) {
	t.Helper()
	cvv := "737"
	if strings.HasPrefix(number, "37") {
		cvv = "7373"
	}
	id := v.add(t, number)
	got := v.pay(t, id, cvv)
	said := fmt.Sprint(got.body.Status)
	if got.status >= 400 {
		said = got.body.Code
	}
	if got.body.DeclineCode != "" {
		said = got.body.DeclineCode
	}
	if got.status != status || said != code {
		t.Errorf("%s: %d %s, want %d %s", number, got.status, got.text, status, code)
	}
	if number == "4000009900000905" {
		v.pay(t, id, cvv)
		if third := v.pay(t, id, cvv); third.status != http.StatusCreated {
			t.Errorf("%s, the third time: %d %s", number, third.status, third.text)
		}
	}
	if got.body.NextAction.URL != "" {
		approve(t, got.body.NextAction.URL)
	}
}

func (v viewer) settled(t *testing.T) bool {
	t.Helper()
	for _, p := range v.get(t, "/v1/payments").body.Data {
		if p.Status == "pending" {
			return false
		}
	}
	return true
}

func TestLimitsOfCards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, append(onTestClock, "BILLING_LIMIT_DECLINES_PER_HOUR=2", "BILLING_LIMIT_CARDS_PER_DAY=2", "BILLING_LIMIT_CARDS_PER_HOUR=2")...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	alice := a.at(w.viewer(t, "alice"))
	bad := alice.add(t, "4000000000000002")
	good := alice.add(t, "4242424242424242")
	for _, want := range []int{402, 402, 429, 429} {
		if got := alice.pay(t, bad, "737"); got.status != want {
			t.Errorf("pay: %d %s, want %d", got.status, got.text, want)
		}
	}
	// Another process counts the same.
	other := w.api(t, "billing-api").at(alice)
	if got := other.pay(t, good, "737"); got.status != 429 || got.body.Code != "rate_limited" {
		t.Errorf("pay elsewhere: %d %s", got.status, got.text)
	}
	if got := other.call(t, http.MethodPost, "/v1/cards", "", cardBody("5555555555554444")); got.status != 429 {
		t.Errorf("a third card: %d %s", got.status, got.text)
	}
	want := []string{"card_added", "card_added", "payment_declined", "payment_declined", "decline_limit_reached", "card_limit_reached"}
	if diff := cmp.Diff(want, alice.types(t)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	w.clock(t, "advance", "61m")
	if got := alice.pay(t, good, "737"); got.status != 201 {
		t.Errorf("an hour later: %d %s", got.status, got.text)
	}
}

// removed removes a card until that is done.
func (v viewer) removed(t *testing.T, card string) {
	t.Helper()
	eventually(t, "removal of the card", func() bool {
		a := v.call(t, http.MethodDelete, "/v1/cards/"+card, "", "")
		if a.status != http.StatusNoContent && a.status != http.StatusServiceUnavailable {
			t.Fatalf("remove: %d %s", a.status, a.text)
		}
		return a.status == http.StatusNoContent
	})
}

// A run, or a subscribe, is killed at every point; then the card is removed. When
// that has been answered, nobody asks the payment system for money any more.
func TestNoChargeAfterTheRemovalWhereverItWasKilled(t *testing.T) {
	t.Parallel()
	type victim struct{ program, point string }
	var victims []victim
	for _, point := range []string{"subscribe.intent", "charge.before", "charge.after", "record.after"} {
		victims = append(victims, victim{"billing-api-crash", point})
	}
	for _, point := range []string{"renew.claimed", "charge.before", "charge.after", "record.after"} {
		victims = append(victims, victim{"billing-renew-crash", point})
	}
	for _, c := range victims {
		t.Run(c.program+" at "+c.point, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, append(onTestClock, crashes)...)
			w.clock(t, "set", "2026-01-31T12:00:00Z")
			v := w.viewer(t, "alice")
			healthy := w.api(t, "billing-api", "BILLING_SWEEP_INTERVAL=1h")
			alice := healthy.at(v)
			card := alice.add(t, "4242424242424242")
			if c.program == "billing-api-crash" {
				killed(t, w.api(t, c.program, "BILLING_CRASH_AT="+c.point), v, "/v1/subscriptions", "", paying(card, "737"))
			} else {
				if a := alice.pay(t, card, "737"); a.status != http.StatusCreated {
					t.Fatalf("subscribe: %d %s", a.status, a.text)
				}
				w.clock(t, "set", "2026-02-28T12:00:00Z")
				cmd := w.renewing(t, c.program, nil, "BILLING_CRASH_AT="+c.point)
				if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != -1 {
					t.Fatalf("the run ended with %v, want a kill", err)
				}
			}
			alice.removed(t, card)
			asked := w.query(t, "SELECT count(*) FROM simulator.requests")
			for _, day := range []string{"2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z", "2026-06-30T12:00:00Z"} {
				w.clock(t, "set", day)
				w.renewed(t)
			}
			if n := w.query(t, "SELECT count(*) FROM simulator.requests"); n != asked {
				t.Errorf("the payment system was asked %d times after the removal had answered", n-asked)
			}
			if n := w.query(t, "SELECT count(*) FROM subscriptions WHERE ended_at IS NULL"); n > 0 {
				t.Error("the subscription lives on")
			}
			if n := w.query(t, "SELECT count(*) FROM cards WHERE number_ct IS NOT NULL"); n > 0 {
				t.Error("the number is there still")
			}
			w.agree(t, w.query(t, "SELECT count(*) FROM simulator.charges"))
		})
	}
}
