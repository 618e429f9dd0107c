package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const saveOK = `{"payment_system":"bank","return_url":"https://cinema.example/done"}`

// saves is the part of the bank that saves payment methods.
type saves struct {
	n       atomic.Int64
	err     atomic.Pointer[error]
	outcome atomic.Pointer[billing.SaveOutcome] // of lookups
}

// Save implements [ports.Saver].
func (b *bank) Save(context.Context, ports.SaveRequest) (billing.SaveOutcome, error) {
	b.saves.n.Add(1)
	if err := b.saves.err.Load(); err != nil {
		return billing.SaveOutcome{}, *err
	}
	return billing.SaveOutcome{
		Status: billing.MethodPending, ProviderRef: "ref-1", ActionURL: "https://bank.example/save/1",
		PageUntil: time.Date(2026, 3, 1, 10, 15, 0, 0, time.UTC),
	}, nil
}

// FindSave implements [ports.Saver].
func (b *bank) FindSave(context.Context, ports.SaveQuery) (billing.SaveOutcome, error) {
	if o := b.saves.outcome.Load(); o != nil {
		return *o, nil
	}
	return billing.SaveOutcome{}, ports.ErrSaveNotFound
}

// settleSave ends the page of the pending save with an outcome.
func (s *service) settleSave(o billing.SaveOutcome) {
	s.t.Helper()
	s.bank.saves.outcome.Store(&o)
	s.clock.Advance(10 * time.Minute)
	if swept, err := s.config.Methods.Saver.SweepSystem(s.t.Context(), "bank", 10, 4); err != nil || len(swept) != 1 || !swept[0].Settled() {
		s.t.Errorf("sweep: %+v, %v; want one settled save", swept, err)
	}
}

func TestGolden_SavedMethods(t *testing.T) {
	t.Parallel()
	type recorder = *httptest.ResponseRecorder
	post := func(s *service, body string, headers ...header) recorder {
		return s.do("alice", "POST", "/v1/payment-methods", body, headers...)
	}
	list := func(s *service) recorder { return s.do("alice", "GET", "/v1/payment-methods", "") }
	active := billing.SaveOutcome{
		Status: billing.MethodActive, ProviderRef: "ref-1", Token: billing.NewSecret("tok_secret_1"), Brand: billing.Mir, Last4: "0053",
	}
	failing := func(err error) func(*service) recorder {
		return func(s *service) recorder { s.bank.saves.err.Store(&err); return post(s, saveOK) }
	}
	pastDue := func(s *service) (id string) {
		s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
		post(s, saveOK)
		return s.firstID("alice", "/v1/payment-methods")
	}
	tests := map[string]func(*service) recorder{
		"save":        func(s *service) recorder { return post(s, saveOK) },
		"save_replay": func(s *service) recorder { post(s, saveOK, key("k")); return post(s, saveOK, key("k")) },
		"save_key_reused": func(s *service) recorder {
			post(s, saveOK, key("k"))
			return post(s, strings.Replace(saveOK, "done", "other", 1), key("k"))
		},
		"save_and_token": func(s *service) recorder {
			return post(s, strings.Replace(linkOK, "{", `{"return_url":"https://cinema.example/",`, 1))
		},
		"save_neither": func(s *service) recorder { return post(s, `{"payment_system":"bank"}`) },
		"save_no_page": func(s *service) recorder { return post(s, strings.Replace(saveOK, "https", "javascript", 1)) },
		"save_thief": func(s *service) recorder {
			return post(s, strings.Replace(saveOK, "cinema.example", "thief.example", 1))
		},
		"save_unknown_system": func(s *service) recorder { return post(s, strings.Replace(saveOK, "bank", "cash", 1)) },
		"save_not_supported":  func(s *service) recorder { clear(s.config.Methods.Saver.Savers); return post(s, saveOK) },
		"save_limit": func(s *service) recorder {
			post(s, linkOK)
			post(s, saveOK)
			post(s, saveOK)
			return post(s, saveOK)
		},
		"save_unavailable": failing(ports.ErrNotSent),
		"save_refused":     failing(ports.ErrRefused),
		"save_unknown":     failing(errors.New("connection reset")),
		"methods_saving":   func(s *service) recorder { post(s, saveOK); return list(s) },
		"methods_saved":    func(s *service) recorder { post(s, saveOK); s.settleSave(active); return list(s) },
		"methods_not_saved": func(s *service) recorder {
			post(s, saveOK)
			s.settleSave(billing.SaveOutcome{Status: billing.MethodFailed, DeclineCode: billing.ActionExpired})
			return list(s)
		},
		"history_saved": func(s *service) recorder {
			post(s, saveOK)
			s.settleSave(active)
			return s.do("alice", "GET", "/v1/history", "")
		},
		"remove_saving": func(s *service) recorder {
			post(s, saveOK)
			return s.do("alice", "DELETE", "/v1/payment-methods/"+s.firstID("alice", "/v1/payment-methods"), "")
		},
		"replace_by_saving": func(s *service) recorder {
			return s.do("alice", "PUT", "/v1/subscriptions/premium/payment-method", `{"payment_method_id":"`+pastDue(s)+`"}`)
		},
		"replace_by_saved": func(s *service) recorder {
			id := pastDue(s)
			s.settleSave(active)
			return s.do("alice", "PUT", "/v1/subscriptions/premium/payment-method", `{"payment_method_id":"`+id+`"}`)
		},
	}
	for name, run := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, func(c *Config) { c.ReturnURLs = ReturnURLs{Prefixes: []string{"https://cinema.example/"}} })
			w := run(s)
			compare(t, filepath.Join("testdata", "saved_methods", name+".golden"), dump(t, w))
			if strings.Contains(w.Body.String(), "tok_") || strings.Contains(s.logged.String(), "tok_") {
				t.Errorf("a token is in the response %s or in the log %s", w.Body, s.logged)
			}
		})
	}
	wantFiles(t, filepath.Join("testdata", "saved_methods"), slices.Collect(maps.Keys(tests)))
}

// A repeated request after a lost response gets the same method, and opens no second page.
func TestSavePaymentMethod_ResponseNotStored(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) { c.ReturnURLs.Any = true })
	first := s.do("alice", "POST", "/v1/payment-methods", saveOK, key("k"))
	err := s.store.InTx(t.Context(), func(tx ports.Repos) error { // as if the process had died before it stored the response
		c, err := tx.IdempotencyKeys.Find(t.Context(), alice, "k")
		if err != nil {
			return err
		}
		if _, err := tx.IdempotencyKeys.Prune(t.Context(), 0, 0, 10); err != nil {
			return err
		}
		return tx.IdempotencyKeys.Claim(t.Context(), c.KeyedRequest, "")
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again := s.do("alice", "POST", "/v1/payment-methods", saveOK, key("k"))
		if again.Code != 202 || again.Body.String() != first.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" {
			t.Errorf("got %d %s, want the first response again: %s", again.Code, again.Body, first.Body)
		}
	}
	if n := s.bank.saves.n.Load(); n != 1 {
		t.Errorf("%d pages were opened, want one", n)
	}
}

func TestSavePaymentMethod_ConcurrentRequests(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) { c.ReturnURLs.Any = true })
	for _, w := range parallel(20, func(int) *httptest.ResponseRecorder {
		return s.do("alice", "POST", "/v1/payment-methods", saveOK, key("k"))
	}) {
		if w.Code != 202 && (w.Code != 409 || codeOf(t, w) != "request_in_progress") {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	}
	if n := s.bank.saves.n.Load(); n != 1 {
		t.Errorf("%d pages were opened, want one", n)
	}
}
