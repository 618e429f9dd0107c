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
)

const linkOK = `{"payment_system":"bank","payment_token":"tok_secret_1"}`

// linkWith returns linkOK with another token.
func linkWith(token string) string { return strings.Replace(linkOK, "tok_secret_1", token, 1) }

// link links a token for alice and returns the id of the payment method.
func (s *service) link(body string) string {
	s.t.Helper()
	w := s.do("alice", "POST", "/v1/payment-methods", body)
	var method struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &method); err != nil || w.Code != 201 {
		s.t.Fatalf("link a token: got %d %s", w.Code, w.Body)
	}
	return method.ID
}

func TestGolden_PaymentMethods(t *testing.T) {
	t.Parallel()
	type recorder = *httptest.ResponseRecorder
	post := func(body string, headers ...header) func(*service) recorder {
		return func(s *service) recorder { return s.do("alice", "POST", "/v1/payment-methods", body, headers...) }
	}
	remove := func(s *service, id string) recorder { return s.do("alice", "DELETE", "/v1/payment-methods/"+id, "") }
	subscribed := func(s *service) (id string) {
		id = s.link(linkOK)
		s.do("alice", "POST", "/v1/subscriptions", subscribeWith("tok_secret_1"))
		return id
	}
	tests := map[string]func(*service) recorder{
		"linked":       post(linkOK),
		"linked_again": func(s *service) recorder { subscribed(s); return post(linkOK)(s) },
		"link_replay":  func(s *service) recorder { post(linkOK, key("k"))(s); return post(linkOK, key("k"))(s) },
		"link_key_reused": func(s *service) recorder {
			post(linkOK, key("k"))(s)
			return post(linkWith("tok_secret_2"), key("k"))(s)
		},
		"link_unknown_system": post(strings.Replace(linkOK, "bank", "cash", 1)),
		"link_no_adapter":     func(s *service) recorder { clear(s.collector.Providers); return post(linkOK)(s) },
		"link_invalid":        post(linkWith("tok secret")),
		"link_empty":          post(`{"payment_system":"","payment_token":""}`),
		"link_card_number":    post(linkWith("4242-4242-4242-4242")),
		"link_return_url":     post(`{"payment_system":"bank","return_url":"https://cinema.example/"}`),
		"link_limit": func(s *service) recorder {
			for _, token := range []string{"tok_secret_1", "tok_secret_2", "tok_secret_3"} {
				s.link(linkWith(token))
			}
			return post(linkWith("tok_secret_4"))(s)
		},
		"methods": func(s *service) recorder {
			s.link(linkWith("tok_secret_2"))
			s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(s.addCard(cardOK), "737"))
			return s.do("alice", "GET", "/v1/payment-methods", "")
		},
		"methods_pending_and_failed": func(s *service) recorder {
			card := s.addCard(cardOK)
			for _, cvv := range []string{"999", "888"} { // declined, waits for a confirmation
				s.do("alice", "POST", "/v1/subscriptions", subscribeByCard(card, cvv))
			}
			return s.do("alice", "GET", "/v1/payment-methods", "")
		},
		"methods_none":        func(s *service) recorder { s.link(linkOK); return s.do("bob", "GET", "/v1/payment-methods", "") },
		"method_removed":      func(s *service) recorder { return remove(s, subscribed(s)) },
		"method_other_viewer": func(s *service) recorder { return s.do("bob", "DELETE", "/v1/payment-methods/"+s.link(linkOK), "") },
		"method_unknown":      func(s *service) recorder { return remove(s, "00000000-0000-7000-8000-999999999999") },
		"method_no_id":        func(s *service) recorder { return remove(s, visaNumber) },
		"method_removed_twice": func(s *service) recorder {
			id := subscribed(s)
			remove(s, id)
			return remove(s, id)
		},
		"method_being_charged": func(s *service) recorder {
			id := s.link(linkOK)
			s.bank.hold, s.bank.held = make(chan struct{}), make(chan struct{})
			done := make(chan struct{})
			go func() { defer close(done); s.do("alice", "POST", "/v1/subscriptions", subscribeWith("tok_secret_1")) }()
			<-s.bank.held
			w := remove(s, id)
			close(s.bank.hold)
			<-done
			return w
		},
		"method_being_confirmed": func(s *service) recorder {
			id := s.link(linkWith("tok_3ds"))
			s.do("alice", "POST", "/v1/subscriptions", subscribeWith("tok_3ds"))
			s.clock.Advance(time.Hour) // past the send window
			return remove(s, id)
		},
		"resume_method_removed": func(s *service) recorder {
			remove(s, subscribed(s))
			return s.do("alice", "POST", "/v1/subscriptions/premium/resume", "")
		},
		"history_methods": func(s *service) recorder {
			remove(s, subscribed(s))
			return s.do("alice", "GET", "/v1/history", "")
		},
	}
	for name, run := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			w := run(s)
			compare(t, filepath.Join("testdata", "payment_methods", name+".golden"), dump(t, w))
			for _, secret := range []string{"tok_", "4242-4242"} {
				if strings.Contains(w.Body.String(), secret) || strings.Contains(s.logged.String(), secret) {
					t.Errorf("%s is in the response %s or in the log %s", secret, w.Body, s.logged)
				}
			}
		})
	}
	wantFiles(t, filepath.Join("testdata", "payment_methods"), slices.Collect(maps.Keys(tests)))
}

// Payment methods need no vault for card numbers.
func TestPaymentMethods_WithoutCards(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) { c.Cards, c.Subscriber.Collector.Vault = nil, nil })
	id := s.link(linkOK)
	if got := s.firstID("alice", "/v1/payment-methods"); got != id {
		t.Errorf("the list has %s, want %s", got, id)
	}
	if w := s.do("alice", "DELETE", "/v1/payment-methods/"+id, ""); w.Code != 204 {
		t.Errorf("got %d %s, want 204", w.Code, w.Body)
	}
}

// A card number in place of a token must not get into the stored fingerprint.
func TestLinkPaymentMethod_StoresNoCardNumber(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.do("alice", "POST", "/v1/payment-methods", linkWith(visaNumber), key("k"))
	if w := s.do("alice", "POST", "/v1/payment-methods", linkOK, key("k")); w.Code != 201 {
		t.Errorf("another request with the same key: got %d %s, want 201", w.Code, w.Body)
	}
}

func TestLinkPaymentMethod_ConcurrentRequests(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string][]header{"one key": {key("k")}, "no key": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			bodies := make(map[string]bool)
			for _, w := range parallel(30, func(int) *httptest.ResponseRecorder {
				return s.do("alice", "POST", "/v1/payment-methods", linkOK, headers...)
			}) {
				switch {
				case w.Code == 201:
					bodies[w.Body.String()] = true
				case headers == nil || w.Code != 409 || codeOf(t, w) != "request_in_progress":
					t.Errorf("got %d %s", w.Code, w.Body)
				}
			}
			if len(bodies) != 1 {
				t.Errorf("got %d different responses, want 1: %v", len(bodies), bodies)
			}
		})
	}
}

// A 429 is not stored, so a later request with the same key runs.
func TestLinkPaymentMethod_LimitIsNotStored(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, token := range []string{"tok_secret_1", "tok_secret_2", "tok_secret_3"} {
		s.link(linkWith(token))
	}
	fourth := func() *httptest.ResponseRecorder {
		return s.do("alice", "POST", "/v1/payment-methods", linkWith("tok_secret_4"), key("k"))
	}
	if w := fourth(); w.Code != 429 || w.Header().Get("Retry-After") != "3600" {
		t.Errorf("got %d %v %s, want 429", w.Code, w.Header(), w.Body)
	}
	s.clock.Advance(time.Hour)
	if w := fourth(); w.Code != 201 {
		t.Errorf("an hour later: got %d %s, want 201", w.Code, w.Body)
	}
}
