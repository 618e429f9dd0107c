package simulator

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func saveRequest() ports.SaveRequest {
	return ports.SaveRequest{Key: billing.PaymentMethodID(rand.Text()), Payer: "viewer", ReturnURL: "https://cinema.example/saved"}
}

func mustSave(t *testing.T, s *Simulator, r ports.SaveRequest) billing.SaveOutcome {
	t.Helper()
	o, err := s.Save(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func mustFindSave(t *testing.T, s *Simulator, r ports.SaveRequest) billing.SaveOutcome {
	t.Helper()
	o, err := s.FindSave(t.Context(), ports.SaveQuery{SaveRequest: r})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// saveSummary returns the decline code or the status of an outcome.
func saveSummary(o billing.SaveOutcome) string {
	if o.DeclineCode != "" {
		return string(o.DeclineCode)
	}
	return string(o.Status)
}

func TestSavePage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply, card, then string // then is the reply to the bank's question
		want              string
	}{
		"saved":                         {"save", "4242 4242 4242 4242", "", "active"},
		"declined":                      {"save", "4000000000009995", "", "insufficient_funds"},
		"confirmed":                     {"save", "4000002500003155", "approve", "active"},
		"not confirmed":                 {"save", "4000002500003155", "decline", "authentication_failed"},
		"confirmed, but declined":       {"save", "4000008260003178", "approve", "insufficient_funds"},
		"left without a card":           {"decline", "", "", "action_expired"},
		"paid, which the page does not": {"pay", "4242424242424242", "", "pending"},
		"approved without a card":       {"approve", "", "", "pending"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Config{})
			h, r := s.Handler(), saveRequest()
			page := mustSave(t, s, r).ActionURL
			w := get(t, h, page)
			if body := w.Body.String(); !strings.Contains(body, `name="card"`) || !strings.Contains(body, "Save card") || strings.Contains(body, ">Pay<") {
				t.Errorf("the page does not ask for a card to save:\n%s", body)
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://cinema.example") {
				t.Errorf("policy %q does not allow the return", policy)
			}
			w = postCard(t, h, page, tt.reply, tt.card)
			if tt.then != "" {
				if body := get(t, h, page).Body.String(); !strings.Contains(body, "Confirm the card") {
					t.Errorf("the page does not ask for the confirmation:\n%s", body)
				}
				w = post(t.Context(), h, page, tt.then)
			}
			o := mustFindSave(t, s, r)
			if got := saveSummary(o); got != tt.want {
				t.Errorf("the save is %s, want %s", got, tt.want)
			}
			back := w.Header().Get("Location") == r.ReturnURL
			if w.Code != http.StatusSeeOther || back != (o.Status != billing.MethodPending) {
				t.Errorf("the reply leads to %q with %d", w.Header().Get("Location"), w.Code)
			}
			if o.Status == billing.MethodActive && (o.Token.IsZero() || o.Brand != billing.Visa || !strings.HasSuffix(tt.card, o.Last4)) {
				t.Errorf("the outcome is %+v, with the token %q", o, o.Token.Reveal())
			}
			if o.Status != billing.MethodActive && (!o.Token.IsZero() || o.Brand != "" || o.Last4 != "") {
				t.Errorf("the outcome is %+v, want no card", o)
			}
			if entries := ledger(t, s, billing.PaymentID(r.Key)); len(entries) > 0 {
				t.Errorf("the ledger has %+v, want no charge", entries)
			}
			if o.Status != billing.MethodPending {
				before := get(t, h, page).Body.String()
				postCard(t, h, page, "save", "4242424242424242")
				if got := mustFindSave(t, s, r); saveSummary(got) != tt.want || strings.Contains(before, "<button") {
					t.Errorf("after a late reply the save is %+v; the page was\n%s", got, before)
				}
			}
		})
	}
}

func TestSavePage_Expires(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := newSimulator(t, Config{Clock: clock})
	r := saveRequest()
	opened := mustSave(t, s, r)
	if want := clock.Now().Add(15 * time.Minute); !opened.PageUntil.Equal(want) {
		t.Errorf("the page is open until %s, want %s", opened.PageUntil, want)
	}
	clock.Advance(15*time.Minute - time.Microsecond)
	if got := saveSummary(mustFindSave(t, s, r)); got != "pending" {
		t.Errorf("just before the end the save is %s, want pending", got)
	}
	clock.Advance(time.Microsecond)
	postCard(t, s.Handler(), opened.ActionURL, "save", "4242424242424242")
	if got := saveSummary(mustFindSave(t, s, r)); got != "action_expired" {
		t.Errorf("the save is %s, want action_expired", got)
	}
	if body := get(t, s.Handler(), opened.ActionURL).Body.String(); !strings.Contains(body, "Too late") {
		t.Errorf("the page has no Too late:\n%s", body)
	}
}

func TestSave_Notifies(t *testing.T) {
	t.Parallel()
	s, next := newNotifying(t, Config{})
	r := saveRequest()
	postCard(t, s.Handler(), mustSave(t, s, r).ActionURL, "save", "4242424242424242")
	notice, err := s.ReadNotification(next())
	if err != nil || notice != (ports.Notice{Method: r.Key}) {
		t.Errorf("ReadNotification = %+v, %v; want the save", notice, err)
	}
}

func TestSave_Faults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		odds   Odds
		want   error // nil leaves the outcome unknown
		exists bool
	}{
		"unavailable":   {Odds{Unavailable: 1}, ports.ErrNotSent, false},
		"busy":          {Odds{Busy: 1}, ports.ErrNotSent, false},
		"credentials":   {Odds{Credentials: 1}, ports.ErrCredentials, false},
		"request lost":  {Odds{LoseRequests: 1}, nil, false},
		"response lost": {Odds{LoseResponses: 1}, nil, true},
		"cut off":       {Odds{TruncateResponses: 1}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, r := pgtest.URL(t), saveRequest()
			s := newSimulatorAt(t, url, Config{Odds: tt.odds})
			o, err := s.Save(t.Context(), r)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || tt.want == nil && errors.Is(err, ports.ErrNotSent) {
				t.Errorf("Save = %+v, %v; want %v", o, err, tt.want)
			}
			_, err = s.FindSave(t.Context(), ports.SaveQuery{SaveRequest: r})
			if exists := err == nil; exists != tt.exists {
				t.Errorf("FindSave = %v, want that it exists: %t", err, tt.exists)
			}
			lost := newSimulatorAt(t, url, Config{Odds: Odds{LoseLookups: 1}})
			if _, err := lost.FindSave(t.Context(), ports.SaveQuery{SaveRequest: r}); err == nil || errors.Is(err, ports.ErrSaveNotFound) {
				t.Errorf("a lost lookup: %v, want an unknown outcome", err)
			}
		})
	}
}

func TestSave_InvalidKey(t *testing.T) {
	t.Parallel()
	r := saveRequest()
	r.Key = "a key"
	if _, err := newSimulator(t, Config{}).Save(t.Context(), r); !errors.Is(err, ports.ErrRefused) {
		t.Errorf("got error %v, want ErrRefused", err)
	}
}

// A token with a suffix is one viewer's own. A token without one stays known.
func TestForget(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	for token, want := range map[string]error{
		"tok_ok~mine": ports.ErrTokenUnknown, "tok_3ds~mine": ports.ErrTokenUnknown, "tok_ok": nil, "tok_ok~other": nil,
	} {
		if want != nil || token == "tok_ok" {
			for range 2 {
				if err := s.Forget(t.Context(), billing.NewSecret(token)); err != nil {
					t.Errorf("Forget(%s) = %v", token, err)
				}
			}
		}
		r := charge(token)
		if _, err := s.Charge(t.Context(), r); !errors.Is(err, want) {
			t.Errorf("a charge by %s: %v, want %v", token, err, want)
		}
		if _, err := s.Find(t.Context(), ports.ChargeQuery{Key: r.Key}); want != nil && !errors.Is(err, ports.ErrChargeNotFound) {
			t.Errorf("after a charge by %s: %v, want ErrChargeNotFound", token, err)
		}
	}
	if err := s.Forget(t.Context(), billing.NewSecret("anything")); err != nil {
		t.Errorf("an unknown token: %v, want no error", err)
	}
}

// The outcome of a charge is repeated even after its token was forgotten.
func TestForget_KeepsOutcomes(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	r := charge("tok_ok~7")
	first := mustCharge(t, s, r)
	if err := s.Forget(t.Context(), r.Token); err != nil {
		t.Fatal(err)
	}
	if again := mustCharge(t, s, r); again != first {
		t.Errorf("the same key = %+v, want %+v", again, first)
	}
}
