package httpapi

import (
	"encoding/json"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

const (
	visaNumber = "4242424242424242"
	cardOK     = `{"number":"4242 4242 4242 4242","exp_month":12,"exp_year":2031,"holder":"A VIEWER"}`
)

func cardWith(number string) string { return strings.Replace(cardOK, "4242 4242 4242 4242", number, 1) }

// addCard stores a card for alice and returns its id.
func (s *service) addCard(body string, headers ...header) string {
	s.t.Helper()
	w := s.do("alice", "POST", "/v1/cards", body, headers...)
	var card struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &card); err != nil || card.ID == "" {
		s.t.Fatalf("add a card: got %d %s", w.Code, w.Body)
	}
	return card.ID
}

// subscribeByCard returns the body of a subscribe request that pays with a card.
func subscribeByCard(id, cvv string) string {
	return strings.Replace(subscribeOK, `"payment_token":"tok_ok"`, `"card_id":"`+id+`","cvv":"`+cvv+`"`, 1)
}

func TestGolden_Cards(t *testing.T) {
	t.Parallel()
	type recorder = *httptest.ResponseRecorder
	add := func(body string) func(*service) recorder {
		return func(s *service) recorder { return s.do("alice", "POST", "/v1/cards", body) }
	}
	const unknownID = "00000000-0000-7000-8000-999999999999"
	tests := map[string]func(*service) recorder{
		"card_added":     add(cardOK),
		"card_no_holder": add(`{"number":"2200000000000053","exp_month":1,"exp_year":2027}`),
		"card_readded": func(s *service) recorder {
			s.addCard(cardOK)
			return s.do("alice", "POST", "/v1/cards", strings.Replace(cardOK, "2031", "2032", 1))
		},
		"card_wrong_digit":    add(cardWith("4242424242424241")),
		"card_expired":        add(strings.Replace(cardOK, `12,"exp_year":2031`, `2,"exp_year":2026`, 1)),
		"card_invalid":        add(`{"number":"","exp_month":13,"exp_year":31,"holder":"4242424242424242"}`),
		"card_invalid_values": add(`{"number":"1","exp_month":12,"exp_year":2020,"holder":"4242424242424242"}`),
		"card_as_number":      add(`{"number":4242424242424242,"exp_month":12,"exp_year":2031}`),
		"card_with_cvv":       add(`{"number":"4242424242424242","exp_month":12,"exp_year":2031,"cvv":"737"}`),
		"card_limit": func(s *service) recorder {
			for _, n := range []string{"4242424242424242", "5555555555554444", "2200000000000053"} {
				s.addCard(cardWith(n))
			}
			return s.do("alice", "POST", "/v1/cards", cardWith("378282246310005"))
		},
		"cards": func(s *service) recorder {
			s.addCard(cardOK)
			s.addCard(cardWith("2200000000000053"))
			return s.do("alice", "GET", "/v1/cards", "")
		},
		"cards_none":   func(s *service) recorder { s.addCard(cardOK); return s.do("bob", "GET", "/v1/cards", "") },
		"card_removed": func(s *service) recorder { return s.do("alice", "DELETE", "/v1/cards/"+s.addCard(cardOK), "") },
		"card_removed_twice": func(s *service) recorder {
			id := s.addCard(cardOK)
			s.do("alice", "DELETE", "/v1/cards/"+id, "")
			return s.do("alice", "DELETE", "/v1/cards/"+id, "")
		},
		"card_other_viewer": func(s *service) recorder { return s.do("bob", "DELETE", "/v1/cards/"+s.addCard(cardOK), "") },
		"card_unknown":      func(s *service) recorder { return s.do("alice", "DELETE", "/v1/cards/"+unknownID, "") },
		"card_no_id":        func(s *service) recorder { return s.do("alice", "DELETE", "/v1/cards/"+visaNumber, "") },
		"card_being_charged": func(s *service) recorder {
			id := s.addCard(cardOK)
			s.bank.hold, s.bank.held = make(chan struct{}), make(chan struct{})
			done := make(chan struct{})
			go func() { defer close(done); s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "737")) }()
			<-s.bank.held
			w := s.do("alice", "DELETE", "/v1/cards/"+id, "")
			close(s.bank.hold)
			<-done
			return w
		},
		"card_being_confirmed": func(s *service) recorder {
			id := s.addCard(cardOK)
			s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "888"))
			s.clock.Advance(time.Hour) // past the send window
			return s.do("alice", "DELETE", "/v1/cards/"+id, "")
		},
		"subscribe_card": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(s.addCard(cardOK), "737"))
		},
		"subscribe_card_declined": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(s.addCard(cardOK), "999"))
		},
		"subscribe_card_limit": func(s *service) recorder {
			id := s.addCard(cardOK)
			for range 2 {
				s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "999"))
			}
			return s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "737"))
		},
		"subscribe_card_cvv": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(s.addCard(cardOK), "7371"))
		},
		"subscribe_card_cvv_odd": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(s.addCard(cardOK), "73a"))
		},
		"subscribe_card_no_cvv": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeByCard(s.addCard(cardOK), ""), `,"cvv":""`, "", 1))
		},
		"subscribe_card_unknown": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(unknownID, "737"))
		},
		"subscribe_card_and_token": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeOK, "}", `,"cvv":"737"}`, 2))
		},
		"subscribe_no_payment_source": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeOK, `,"payment_token":"tok_ok"`, "", 1))
		},
		"subscription_card_removed": func(s *service) recorder {
			id := s.addCard(cardOK)
			s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "737"))
			s.do("alice", "DELETE", "/v1/cards/"+id, "")
			return s.do("alice", "GET", "/v1/subscriptions/premium", "")
		},
		"resume_card_removed": func(s *service) recorder {
			id := s.addCard(cardOK)
			s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "737"))
			s.do("alice", "DELETE", "/v1/cards/"+id, "")
			return s.do("alice", "POST", "/v1/subscriptions/premium/resume", "")
		},
		"history_cards": func(s *service) recorder {
			id := s.addCard(cardOK)
			s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "737"))
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
					t.Errorf("%s is in the response %s or in the log %s", secret, w.Body, s.logged)
				}
			}
		})
	}
	wantFiles(t, filepath.Join("testdata", "cards"), slices.Collect(maps.Keys(tests)))
}

func TestAddCard_Idempotency(t *testing.T) {
	t.Parallel()
	s := newService(t)
	first := s.do("alice", "POST", "/v1/cards", cardOK, key("k"))
	if first.Code != 201 {
		t.Fatalf("got %d %s", first.Code, first.Body)
	}
	// The same number without spaces is the same request.
	wantReplay(t, first, s.do("alice", "POST", "/v1/cards", cardWith(visaNumber), key("k")))
	for _, other := range []string{cardWith("5555555555554444"), strings.Replace(cardOK, "2031", "2032", 1), strings.Replace(cardOK, "A VIEWER", "B", 1)} {
		if w := s.do("alice", "POST", "/v1/cards", other, key("k")); w.Code != 422 || codeOf(t, w) != "idempotency_key_reused" {
			t.Errorf("%s with the same key: got %d %s", other, w.Code, w.Body)
		}
	}
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "idempotency_key_reused" {
		t.Errorf("subscribe with the same key: got %d %s", w.Code, w.Body)
	}
	if w := s.do("alice", "GET", "/v1/cards", ""); strings.Count(w.Body.String(), `"id"`) != 1 {
		t.Errorf("cards: got %s, want one", w.Body)
	}
	invalid := s.do("alice", "POST", "/v1/cards", cardWith("4242424242424241"), key("invalid"))
	wantReplay(t, invalid, s.do("alice", "POST", "/v1/cards", cardWith("4242424242424241"), key("invalid")))
}

func TestAddCard_ConcurrentRequestsWithOneKey(t *testing.T) {
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
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("got %d different responses, want 1: %v", len(bodies), bodies)
	}
}

// The stored fingerprint of a request must not depend on the CVV, because a CVV
// may not be stored in any form.
func TestSubscribe_CVVIsNotPartOfFingerprint(t *testing.T) {
	t.Parallel()
	s := newService(t)
	id := s.addCard(cardOK)
	first := s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "737"), key("k"))
	if first.Code != 201 || s.bank.cards.Load() != visaNumber+" 737" {
		t.Fatalf("got %d %s; the bank received %v", first.Code, first.Body, s.bank.cards.Load())
	}
	wantReplay(t, first, s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "111"), key("k")))
	if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); codeOf(t, w) != "idempotency_key_reused" {
		t.Errorf("with a token and the same key: got %d %s", w.Code, w.Body)
	}
	if n := s.bank.charges.Load(); n != 1 {
		t.Errorf("charged %d times, want 1", n)
	}
}

// The provider panics with the whole charge request. Neither the response nor the
// log may hold the card number or the CVV.
func TestPanic_HidesCard(t *testing.T) {
	t.Parallel()
	s := newService(t)
	id := s.addCard(cardOK)
	s.bank.panics.Store(true)
	w := s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(id, "7373737"[:3]))
	if w.Code != 500 {
		t.Errorf("got %d, want 500", w.Code)
	}
	log := s.logged.String()
	if !strings.Contains(log, "panic: ") || !strings.Contains(log, "chargeCard") {
		t.Errorf("the log lacks the panic: %s", log)
	}
	for _, secret := range []string{visaNumber, "424242", ">737<"} {
		if strings.Contains(log+w.Body.String(), secret) {
			t.Errorf("%s is in the response or in the log %s", secret, log)
		}
	}
}

// A 429 is not stored, so a later request with the same key runs.
func TestAddCard_LimitIsNotStored(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, n := range []string{"4242424242424242", "5555555555554444", "2200000000000053"} {
		s.addCard(cardWith(n))
	}
	w := s.do("alice", "POST", "/v1/cards", cardWith("378282246310005"), key("k"))
	if w.Code != 429 || codeOf(t, w) != "rate_limited" || w.Header().Get("Retry-After") != "3600" {
		t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
	}
	s.clock.Advance(3600e9)
	if w := s.do("alice", "POST", "/v1/cards", cardWith("378282246310005"), key("k")); w.Code != 201 {
		t.Errorf("one hour later: got %d %s, want 201", w.Code, w.Body)
	}
}

func TestCards_UnavailableWithoutVault(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) { c.Cards, c.Subscriber.Collector.Vault = nil, nil })
	for _, r := range []struct{ method, path, body string }{
		{"POST", "/v1/cards", cardOK}, {"GET", "/v1/cards", ""}, {"DELETE", "/v1/cards/" + string(alice), ""},
		{"POST", "/v1/subscriptions", subscribeByCard(string(alice), "737")},
	} {
		w := s.do("alice", r.method, r.path, r.body)
		if w.Code != 503 || codeOf(t, w) != billing.ErrUnavailable.Code {
			t.Errorf("%s %s: got %d %s", r.method, r.path, w.Code, w.Body)
		}
	}
}
