package simulator

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func cardCharge(number, cvv string) ports.ChargeRequest {
	r := charge("")
	r.Token = billing.Secret{}
	r.Card = &ports.Card{
		CardDetails: billing.CardDetails{
			Number: billing.ParseCardNumber(number), ExpMonth: 12, ExpYear: 2030, Holder: rand.Text(),
		},
		CVV: billing.NewCVV(cvv),
	}
	return r
}

// cardTable lists the results of each test card.
var cardTable = []struct {
	number   string
	first    string   // result of the charge
	final    string   // result of Find after the confirmation or the delay; "" if the same
	renewals []string // results of charges with the issued token; nil if none is issued
}{
	{"4242424242424242", "succeeded", "", []string{"succeeded", "succeeded"}},
	{"5555555555554444", "succeeded", "", []string{"succeeded"}},
	{"2200000000000053", "succeeded", "", []string{"succeeded"}},
	{"378282246310005", "succeeded", "", []string{"succeeded"}},
	{"4000000000000002", "generic_decline", "", nil},
	{"4000000000009995", "insufficient_funds", "", nil},
	{"4000000000009987", "lost_or_stolen", "", nil},
	{"4000000000009979", "lost_or_stolen", "", nil},
	{"4000000000006975", "limit_exceeded", "", nil},
	{"4000000000000069", "card_expired", "", nil},
	{"4000000000000127", "incorrect_cvc", "", nil},
	{"4000000000000101", "incorrect_cvc", "", nil},
	{"4000000000000119", "processing_error", "", nil},
	{"4242424242424241", "incorrect_number", "", nil},
	{"4000000000000341", "succeeded", "", []string{"generic_decline", "generic_decline"}},
	{"4000002500003155", "pending", "succeeded", []string{"succeeded", "succeeded"}},
	{"4000002760003184", "pending", "succeeded", []string{"authentication_required"}},
	{"4000003800000446", "succeeded", "", []string{"succeeded"}},
	{"4000008260003178", "pending", "insufficient_funds", nil},
	{"4000000000003220", "pending", "succeeded", []string{"succeeded"}},
	{"4000008400001629", "pending", "generic_decline", nil},
	{"4000008400001280", "processing_error", "", nil},
	{"4100000000000019", "suspected_fraud", "", nil},
	{"4000000000000259", "succeeded", "", []string{"succeeded"}},
	{"4000000000007726", "succeeded", "", []string{"succeeded"}},
	{"4000000000005126", "succeeded", "", []string{"succeeded"}},
	{"4000009900000103", "unknown", "succeeded", []string{"unknown"}},
	{"4000009900000202", "unknown", "not found", nil},
	{"4000009900000301", "unknown", "succeeded", []string{"unknown"}},
	{"4000009900000400", "unknown", "succeeded", []string{"unknown"}},
	{"4000009900000509", "pending", "succeeded", []string{"pending"}},
	{"4000009900000608", "pending", "generic_decline", nil},
	{"4000009900000707", "succeeded", "", []string{"succeeded"}},
	{"4000009900000806", "pending", "succeeded", []string{"pending"}},
	{"4000009900000905", "not sent", "not found", nil},
	{"4000009900001002", "succeeded", "", []string{"succeeded", "succeeded", "mandate_revoked", "mandate_revoked"}},
	{"4000009900001101", "succeeded", "", []string{"insufficient_funds", "insufficient_funds", "succeeded", "succeeded"}},
	{"4000009900001200", "succeeded", "", []string{"succeeded", "token_invalid"}},
	{"4000009900001309", "unknown", "succeeded", []string{"unknown"}},
	{"4000009900001408", "succeeded", "", []string{"succeeded"}},
	{"4000009900001507", "succeeded", "", []string{"succeeded"}},
	{"4111111111111111", "succeeded", "", []string{"succeeded"}}, // not a test card
}

func TestCharge_TestCards(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	clock := newClock()
	noWait := func(context.Context, time.Duration) error { return nil }
	s := newSimulatorAt(t, url, Config{Wait: noWait, Wall: clock.Now, BaseURL: "https://psp.example"})
	listed := testCards()
	for _, c := range cardTable {
		delete(listed, c.number)
	}
	if len(listed) > 0 {
		t.Errorf("cards without a test: %v", listed)
	}
	for _, c := range cardTable {
		t.Run(c.number, func(t *testing.T) {
			cvv := "123"
			if strings.HasPrefix(c.number, "37") {
				cvv = "1234"
			}
			r := cardCharge(c.number, cvv)
			first, result := chargeResult(t, s, r)
			if result != c.first {
				t.Fatalf("the charge is %s, want %s", result, c.first)
			}
			if first.ActionURL != "" {
				if err := pressButton(s.Handler())(t.Context(), first.ActionURL, true); err != nil {
					t.Fatal(err)
				}
			}
			clock.Advance(settleDelay)
			found, result := findResult(t, s, r.Key)
			if want := c.final; want != "" && result != want || want == "" && result != c.first {
				t.Errorf("Find returns %s, want %q, or the same as the charge", result, want)
			}
			if (found.Token.IsZero()) != (c.renewals == nil) {
				t.Fatalf("issued a token: %t, want %t", !found.Token.IsZero(), c.renewals != nil)
			}
			for i, want := range c.renewals {
				next := renewal(found.Token.Reveal())
				_, result := chargeResult(t, s, next)
				if result != want {
					t.Errorf("renewal %d: %s, want %s", i+1, result, want)
				}
			}
		})
	}
}

// chargeResult charges and summarizes the result.
func chargeResult(t *testing.T, s *Simulator, r ports.ChargeRequest) (billing.Outcome, string) {
	t.Helper()
	o, err := s.Charge(t.Context(), r)
	switch {
	case errors.Is(err, ports.ErrNotSent):
		return o, "not sent"
	case err != nil:
		return o, "unknown"
	default:
		return o, summary(o)
	}
}

func findResult(t *testing.T, s *Simulator, key billing.PaymentID) (billing.Outcome, string) {
	t.Helper()
	o, err := s.Find(t.Context(), ports.ChargeQuery{Key: key})
	switch {
	case errors.Is(err, ports.ErrChargeNotFound):
		return o, "not found"
	case err != nil:
		t.Fatal(err)
	}
	return o, summary(o)
}

func TestCharge_RateLimited(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	holder := ""
	for i, want := range []string{"not sent", "not sent", "succeeded"} {
		r := cardCharge("4000009900000905", "123")
		if holder == "" {
			holder = r.Card.Holder
		}
		r.Card.Holder = holder
		o, result := chargeResult(t, s, r)
		if result != want {
			t.Errorf("call %d: %s, want %s", i+1, result, want)
		}
		if want != "succeeded" {
			continue
		}
		for j, want := range []string{"not sent", "not sent", "succeeded"} {
			if _, result := chargeResult(t, s, renewal(o.Token.Reveal())); result != want {
				t.Errorf("renewal %d: %s, want %s", j+1, result, want)
			}
		}
	}
}

func TestCharge_TokenReissued(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	token := mustCharge(t, s, cardCharge("4000009900001200", "123")).Token
	for i := range 3 {
		r := renewal(token.Reveal())
		o := mustCharge(t, s, r)
		if o.Status != billing.PaymentSucceeded || o.Token.IsZero() || o.Token.Equal(token) {
			t.Fatalf("renewal %d: %+v, want a success with another token", i+1, o)
		}
		if found := mustFind(t, s, r.Key); !found.Token.Equal(o.Token) {
			t.Error("Find returns a different token than Charge")
		}
		token = o.Token
	}
}

func TestFind_SettlesAfterDelay(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := newSimulator(t, Config{Wall: clock.Now, BaseURL: "https://psp.example"})
	r := cardCharge("4000009900000509", "123")
	if o := mustCharge(t, s, r); o.Status != billing.PaymentPending || o.ActionURL != "" {
		t.Errorf("Charge = %+v, want pending, without an action", o)
	}
	clock.Advance(settleDelay - time.Microsecond)
	if o := mustFind(t, s, r.Key); o.Status != billing.PaymentPending {
		t.Errorf("before the delay it is %s, want pending", o.Status)
	}
	wantLedger(t, s, r.Key, nil)
	clock.Advance(time.Microsecond)
	for range 2 {
		if o := mustFind(t, s, r.Key); o.Status != billing.PaymentSucceeded || o.Token.IsZero() {
			t.Errorf("Find = %+v, want a success with a token", o)
		}
	}
	wantLedger(t, s, r.Key, []billing.Money{r.Amount})
}

// The tables have neither the number of a card nor its CVV, in any form.
func TestTables_NoCardData(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := newSimulatorAt(t, url, Config{})
	r := cardCharge("4916338506082832", "7391")
	cvv := regexp.MustCompile(`\b7391\b`) // as a word, because ids and times can contain the digits
	mustCharge(t, s, r)
	mustCharge(t, s, r)
	admin := openAs(t, url, "none")
	for _, table := range []string{"requests", "tokens", "charges"} {
		var text string
		err := admin.QueryRow(t.Context(), "SELECT coalesce(string_agg(x::text, ' '), '') FROM simulator."+table+" x").Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"4916338506082832", "6082832", "34393136333338353036303832383332"} {
			if strings.Contains(text, secret) {
				t.Errorf("simulator.%s has %s: %s", table, secret, text)
			}
		}
		if cvv.MatchString(text) {
			t.Errorf("simulator.%s has the CVV: %s", table, text)
		}
	}
}
