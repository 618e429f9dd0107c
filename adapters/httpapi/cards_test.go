package httpapi

import (
	"encoding/json"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

const (
	visaNumber = "4242424242424242"
	cardOK     = `{"number":"4242 4242 4242 4242","exp_month":12,"exp_year":2031,"holder":"A VIEWER"}`
)

func cardWith(number string) string { return strings.Replace(cardOK, "4242 4242 4242 4242", number, 1) }

// addCard keeps a card of alice's and returns its id.
func (s *service) addCard(body string, headers ...header) string {
	s.t.Helper()
	w := s.do("alice", "POST", "/v1/cards", body, headers...)
	var card struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &card); err != nil || card.ID == "" {
		s.t.Fatalf("add card: %d %s", w.Code, w.Body)
	}
	return card.ID
}

// payingBy is a subscribe with a card.
func payingBy(id, cvv string) string {
	return strings.Replace(subscribeOK, `"payment_token":"tok_ok"`, `"card_id":"`+id+`","cvv":"`+cvv+`"`, 1)
}

func TestGoldenCards(t *testing.T) {
	t.Parallel()
	type answer = *httptest.ResponseRecorder
	add := func(body string) func(*service) answer {
		return func(s *service) answer { return s.do("alice", "POST", "/v1/cards", body) }
	}
	const nobodys = "00000000-0000-7000-8000-999999999999"
	tests := map[string]func(*service) answer{
		"card_added":     add(cardOK),
		"card_no_holder": add(`{"number":"2200000000000053","exp_month":1,"exp_year":2027}`),
		"card_again": func(s *service) answer {
			s.addCard(cardOK)
			return s.do("alice", "POST", "/v1/cards", strings.Replace(cardOK, "2031", "2032", 1))
		},
		"card_wrong_digit": add(cardWith("4242424242424241")),
		"card_expired":     add(strings.Replace(cardOK, `12,"exp_year":2031`, `2,"exp_year":2026`, 1)),
		"card_invalid":     add(`{"number":"","exp_month":13,"exp_year":31,"holder":"4242424242424242"}`),
		"card_all_wrong":   add(`{"number":"1","exp_month":12,"exp_year":2020,"holder":"4242424242424242"}`),
		"card_as_number":   add(`{"number":4242424242424242,"exp_month":12,"exp_year":2031}`),
		"card_with_cvv":    add(`{"number":"4242424242424242","exp_month":12,"exp_year":2031,"cvv":"737"}`),
		"card_limit": func(s *service) answer {
			for _, n := range []string{"4242424242424242", "5555555555554444", "2200000000000053"} {
				s.addCard(cardWith(n))
			}
			return s.do("alice", "POST", "/v1/cards", cardWith("378282246310005"))
		},
		"cards": func(s *service) answer {
			s.addCard(cardOK)
			s.addCard(cardWith("2200000000000053"))
			return s.do("alice", "GET", "/v1/cards", "")
		},
		"cards_none":   func(s *service) answer { s.addCard(cardOK); return s.do("bob", "GET", "/v1/cards", "") },
		"card_removed": func(s *service) answer { return s.do("alice", "DELETE", "/v1/cards/"+s.addCard(cardOK), "") },
		"card_removed_twice": func(s *service) answer {
			id := s.addCard(cardOK)
			s.do("alice", "DELETE", "/v1/cards/"+id, "")
			return s.do("alice", "DELETE", "/v1/cards/"+id, "")
		},
		"card_of_somebody": func(s *service) answer { return s.do("bob", "DELETE", "/v1/cards/"+s.addCard(cardOK), "") },
		"card_unknown":     func(s *service) answer { return s.do("alice", "DELETE", "/v1/cards/"+nobodys, "") },
		"card_no_id":       func(s *service) answer { return s.do("alice", "DELETE", "/v1/cards/"+visaNumber, "") },
		"card_being_charged": func(s *service) answer {
			id := s.addCard(cardOK)
			s.bank.hold, s.bank.held = make(chan struct{}), make(chan struct{})
			done := make(chan struct{})
			go func() { defer close(done); s.do("alice", "POST", "/v1/subscriptions", payingBy(id, "737")) }()
			<-s.bank.held
			w := s.do("alice", "DELETE", "/v1/cards/"+id, "")
			close(s.bank.hold)
			<-done
			return w
		},
		"subscribe_card": func(s *service) answer {
			return s.do("alice", "POST", "/v1/subscriptions", payingBy(s.addCard(cardOK), "737"))
		},
		"subscribe_card_declined": func(s *service) answer {
			return s.do("alice", "POST", "/v1/subscriptions", payingBy(s.addCard(cardOK), "999"))
		},
		"subscribe_card_limit": func(s *service) answer {
			id := s.addCard(cardOK)
			for range 2 {
				s.do("alice", "POST", "/v1/subscriptions", payingBy(id, "999"))
			}
			return s.do("alice", "POST", "/v1/subscriptions", payingBy(id, "737"))
		},
		"subscribe_card_cvv": func(s *service) answer {
			return s.do("alice", "POST", "/v1/subscriptions", payingBy(s.addCard(cardOK), "7371"))
		},
		"subscribe_card_cvv_odd": func(s *service) answer {
			return s.do("alice", "POST", "/v1/subscriptions", payingBy(s.addCard(cardOK), "73a"))
		},
		"subscribe_card_no_cvv": func(s *service) answer {
			return s.do("alice", "POST", "/v1/subscriptions", strings.Replace(payingBy(s.addCard(cardOK), ""), `,"cvv":""`, "", 1))
		},
		"subscribe_card_unknown": func(s *service) answer { return s.do("alice", "POST", "/v1/subscriptions", payingBy(nobodys, "737")) },
		"subscribe_card_and_token": func(s *service) answer {
			return s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeOK, "}", `,"cvv":"737"}`, 2))
		},
		"subscribe_by_nothing": func(s *service) answer {
			return s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeOK, `,"payment_token":"tok_ok"`, "", 1))
		},
		"history_cards": func(s *service) answer {
			id := s.addCard(cardOK)
			s.do("alice", "POST", "/v1/subscriptions", payingBy(id, "737"))
			s.do("alice", "DELETE", "/v1/cards/"+id, "")
			return s.do("alice", "GET", "/v1/history", "")
		},
	}
	for name, run := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			w := run(s)
			compare(t, filepath.Join("testdata", "cards", name+".golden"), dump(t, w))
			for _, secret := range []string{visaNumber, "4242 4242", `"737`, "424242424242"} {
				if strings.Contains(w.Body.String(), secret) || strings.Contains(s.logged.String(), secret) {
					t.Errorf("%s is shown in %s or in the log %s", secret, w.Body, s.logged)
				}
			}
		})
	}
	wantFiles(t, filepath.Join("testdata", "cards"), slices.Collect(maps.Keys(tests)))
}

func TestCardRequestsWithKeys(t *testing.T) {
	t.Parallel()
	s := newService(t)
	first := s.do("alice", "POST", "/v1/cards", cardOK, key("k"))
	if first.Code != 201 {
		t.Fatalf("answered %d %s", first.Code, first.Body)
	}
	// The same number written otherwise is the same request.
	wantAgain(t, first, s.do("alice", "POST", "/v1/cards", cardWith(visaNumber), key("k")))
	for _, other := range []string{cardWith("5555555555554444"), strings.Replace(cardOK, "2031", "2032", 1), strings.Replace(cardOK, "A VIEWER", "B", 1)} {
		if w := s.do("alice", "POST", "/v1/cards", other, key("k")); w.Code != 422 || codeOf(t, w) != "idempotency_key_reused" {
			t.Errorf("%s: answered %d %s", other, w.Code, w.Body)
		}
	}
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "idempotency_key_reused" {
		t.Errorf("a subscribe: answered %d %s", w.Code, w.Body)
	}
	if w := s.do("alice", "GET", "/v1/cards", ""); strings.Count(w.Body.String(), `"id"`) != 1 {
		t.Errorf("kept: %s", w.Body)
	}
	refused := s.do("alice", "POST", "/v1/cards", cardWith("4242424242424241"), key("wrong"))
	wantAgain(t, refused, s.do("alice", "POST", "/v1/cards", cardWith("4242424242424241"), key("wrong")))
}

func TestCardRequestsWithOneKeyAtOnce(t *testing.T) {
	t.Parallel()
	s := newService(t)
	bodies := make(map[string]bool)
	for _, w := range parallel(30, func(int) *httptest.ResponseRecorder {
		return s.do("alice", "POST", "/v1/cards", cardOK, key("k"))
	}) {
		switch {
		case w.Code == 200 || w.Code == 201:
			bodies[w.Body.String()] = true
		case w.Code != 409 || codeOf(t, w) != "request_in_progress":
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("%d different answers: %v", len(bodies), bodies)
	}
}

// The CVV tells no request from another: what is kept of a request must not have
// it in any form.
func TestSubscribeWithCardAgain(t *testing.T) {
	t.Parallel()
	s := newService(t)
	id := s.addCard(cardOK)
	first := s.do("alice", "POST", "/v1/subscriptions", payingBy(id, "737"), key("k"))
	if first.Code != 201 || s.bank.cards.Load() != visaNumber+" 737" {
		t.Fatalf("answered %d %s, and the bank got %v", first.Code, first.Body, s.bank.cards.Load())
	}
	wantAgain(t, first, s.do("alice", "POST", "/v1/subscriptions", payingBy(id, "111"), key("k")))
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "idempotency_key_reused" {
		t.Errorf("with a token: answered %d %s", w.Code, w.Body)
	}
	if n := s.bank.charges.Load(); n != 1 {
		t.Errorf("%d charges", n)
	}
}

// A payment system's adapter that panics with all that it was asked shows nothing.
func TestPanicWithACard(t *testing.T) {
	t.Parallel()
	s := newService(t)
	id := s.addCard(cardOK)
	s.bank.panics.Store(true)
	w := s.do("alice", "POST", "/v1/subscriptions", payingBy(id, "7373737"[:3]))
	if w.Code != 500 {
		t.Errorf("answered %d", w.Code)
	}
	log := s.logged.String()
	if !strings.Contains(log, "panic: ") || !strings.Contains(log, "chargeCard") {
		t.Errorf("the panic was not logged: %s", log)
	}
	for _, secret := range []string{visaNumber, "424242", ">737<"} {
		if strings.Contains(log+w.Body.String(), secret) {
			t.Errorf("%s is shown in %s", secret, log)
		}
	}
}

// A refusal for the time being is no answer to keep: the same request is tried
// when there is room.
func TestLimitIsNotKept(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, n := range []string{"4242424242424242", "5555555555554444", "2200000000000053"} {
		s.addCard(cardWith(n))
	}
	w := s.do("alice", "POST", "/v1/cards", cardWith("378282246310005"), key("k"))
	if w.Code != 429 || codeOf(t, w) != "rate_limited" || w.Header().Get("Retry-After") != "3600" {
		t.Errorf("answered %d %v %s", w.Code, w.Header(), w.Body)
	}
	s.clock.set(s.clock.Now().Add(3600e9))
	if w := s.do("alice", "POST", "/v1/cards", cardWith("378282246310005"), key("k")); w.Code != 201 {
		t.Errorf("an hour later: %d %s", w.Code, w.Body)
	}
}

func TestNoCardsWithoutAVault(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) { c.Cards, c.Subscriber.Collector.Vault = nil, nil })
	for _, r := range []struct{ method, path, body string }{
		{"POST", "/v1/cards", cardOK}, {"GET", "/v1/cards", ""}, {"DELETE", "/v1/cards/" + string(alice), ""},
		{"POST", "/v1/subscriptions", payingBy(string(alice), "737")},
	} {
		w := s.do("alice", r.method, r.path, r.body)
		if w.Code != 503 || codeOf(t, w) != billing.ErrUnavailable.Code {
			t.Errorf("%s %s: %d %s", r.method, r.path, w.Code, w.Body)
		}
	}
}
