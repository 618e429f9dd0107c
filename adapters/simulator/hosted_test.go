package simulator

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// onPage is a charge that the viewer pays on the page.
func onPage() ports.ChargeRequest {
	r := charge("")
	r.Token, r.ReturnURL = billing.Secret{}, "https://cinema.example/done"
	return r
}

func TestPage_PayByCard(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply, card string
		confirms    bool // the bank asks the viewer
		want        string
	}{
		"accepted":              {"pay", "4242 4242 4242 4242", false, "succeeded"},
		"declined":              {"pay", "4000000000009995", false, "insufficient_funds"},
		"confirmed":             {"pay", "4000002500003155", true, "succeeded"},
		"confirmed, declined":   {"pay", "4000008260003178", true, "insufficient_funds"},
		"left without a card":   {"decline", "", false, "action_expired"},
		"approved, not by card": {"approve", "", false, "pending"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSimulator(t, Config{})
			h, r := s.Handler(), onPage()
			opened := mustCharge(t, s, r)
			page := opened.ActionURL
			if want := s.cfg.Clock.Now().Add(15 * time.Minute); !opened.ActionExpiresAt.Equal(want) {
				t.Errorf("the page is open until %s, want %s", opened.ActionExpiresAt, want)
			}
			if found := mustFind(t, s, r.Key); found != opened {
				t.Errorf("Find = %+v, want %+v", found, opened)
			}
			if body := get(t, h, page).Body.String(); !strings.Contains(body, `name="card"`) || !strings.Contains(body, "399.00 RUB") {
				t.Errorf("the page has no card and amount:\n%s", body)
			}
			w := postCard(t, h, page, tt.reply, tt.card)
			if tt.confirms {
				if body := get(t, h, page).Body.String(); !strings.Contains(body, "Approve") {
					t.Errorf("the page does not ask for the confirmation:\n%s", body)
				}
				w = post(t.Context(), h, page, "approve")
			}
			o := mustFind(t, s, r.Key)
			if got := summary(o); got != tt.want {
				t.Errorf("the payment is %s, want %s", got, tt.want)
			}
			back := w.Header().Get("Location") == r.ReturnURL
			if w.Code != http.StatusSeeOther || back != (o.Status != billing.PaymentPending) {
				t.Errorf("the reply leads to %q with %d", w.Header().Get("Location"), w.Code)
			}
			if o.Status == billing.PaymentSucceeded {
				next := renewal(o.Token.Reveal())
				if o := mustCharge(t, s, next); o.Status != billing.PaymentSucceeded && tt.card != "4000008260003178" {
					t.Errorf("the renewal by the token of the page: %+v", o)
				}
			}
		})
	}
}

func TestPage_InvalidCard(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	r := onPage()
	page := mustCharge(t, s, r).ActionURL
	if w := postCard(t, s.Handler(), page, "pay", "not+a+number"); w.Code != http.StatusBadRequest {
		t.Errorf("status %d, want 400", w.Code)
	}
	if o := mustFind(t, s, r.Key); o.Status != billing.PaymentPending || o.ActionURL != page {
		t.Errorf("the payment is %+v, want pending with its page", o)
	}
}

// A renewal has no page, and a return address is never a script.
func TestPage_Refusals(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	r := onPage()
	r.Initiator = billing.MerchantInitiated
	if _, err := s.Charge(t.Context(), r); !errors.Is(err, ports.ErrRefused) {
		t.Errorf("got error %v, want ErrRefused", err)
	}
	r = onPage()
	r.ReturnURL = "javascript:alert(1)"
	page := mustCharge(t, s, r).ActionURL
	w := postCard(t, s.Handler(), page, "pay", "4242424242424242")
	body := get(t, s.Handler(), page).Body.String()
	if strings.Contains(w.Header().Get("Location"), "javascript") || strings.Contains(body, "javascript") {
		t.Errorf("the page leads to a script: %q\n%s", w.Header().Get("Location"), body)
	}
}

// A browser applies the policy of the form to the address that it is redirected to.
func TestPage_PolicyAllowsReturn(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	policy := get(t, s.Handler(), mustCharge(t, s, onPage()).ActionURL).Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "form-action 'self' https://cinema.example") {
		t.Errorf("policy %q does not allow the return", policy)
	}
}

func TestFind_Lag(t *testing.T) {
	t.Parallel()
	lagging := newSimulator(t, Config{Lag: time.Hour})
	r := charge("tok_ok")
	mustCharge(t, lagging, r)
	if _, err := lagging.Find(t.Context(), ports.ChargeQuery{Key: r.Key}); !errors.Is(err, ports.ErrChargeNotFound) {
		t.Errorf("got error %v before the lag is over, want ErrChargeNotFound", err)
	}
	if o := mustCharge(t, lagging, r); o.Status != billing.PaymentSucceeded {
		t.Errorf("a repetition: %+v, want the first outcome", o)
	}
	wantLedger(t, lagging, r.Key, []billing.Money{r.Amount})
	if got := lagging.Capabilities().Settling; got != time.Hour {
		t.Errorf("the settling time is %v, want the lag", got)
	}
}

// After the horizon the same key is a new charge.
func TestCharge_AfterHorizon(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{Horizon: time.Nanosecond})
	r := charge("tok_ok")
	first := mustCharge(t, s, r)
	if _, err := s.Find(t.Context(), ports.ChargeQuery{Key: r.Key}); !errors.Is(err, ports.ErrChargeNotFound) {
		t.Errorf("got error %v, want ErrChargeNotFound", err)
	}
	if again := mustCharge(t, s, r); again.ProviderRef == first.ProviderRef {
		t.Error("the same key returned the first charge, want a new one")
	}
	wantLedger(t, s, r.Key, []billing.Money{r.Amount, r.Amount})
}
