package simulator

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/providertest"
)

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		s := newSimulator(t, Config{Wait: wait}) // a real wait, because the suite sets deadlines
		return providertest.Harness{
			Provider: s, Ledger: s, Confirm: pressButton(s.Handler()), Canceller: s,
			Saver: s, SavePage: savePage(s.Handler()), Forgetter: s,
			Card:     func() ports.Card { return *cardCharge("4242424242424242", "123").Card },
			LostCard: func() ports.Card { return *cardCharge("4000009900000103", "123").Card },
			Tokens: providertest.Tokens{
				OK:           billing.NewSecret("tok_ok"),
				OtherOK:      billing.NewSecret("tok_ok~other"),
				Declined:     declined(),
				LostResponse: billing.NewSecret("tok_lost_answer"),
				Slow:         billing.NewSecret("tok_slow"),
				Unavailable:  billing.NewSecret("tok_unavailable"),
				Unknown:      billing.NewSecret("tok_nobody_issued_this"),
				Confirmed:    billing.NewSecret("tok_3ds"),
				RefundLost:   billing.NewSecret("tok_refund_lost"),
			},
		}
	})
}

func declined() map[billing.DeclineCode]billing.Secret {
	tokens := make(map[billing.DeclineCode]billing.Secret)
	for _, code := range billing.DeclineCodes() {
		tokens[code] = billing.NewSecret("tok_" + string(code))
	}
	return tokens
}

// pressButton returns a function that approves or declines on a page.
func pressButton(h http.Handler) func(context.Context, string, bool) error {
	return func(ctx context.Context, page string, yes bool) error {
		choice := decline
		if yes {
			choice = approve
		}
		w := post(ctx, h, page, string(choice))
		if w.Code != http.StatusSeeOther {
			return fmt.Errorf("POST %s: status %d", page, w.Code)
		}
		return nil
	}
}

// savePage returns a function that saves a card on a page, or leaves it.
func savePage(h http.Handler) func(context.Context, string, bool) error {
	return func(ctx context.Context, page string, yes bool) error {
		form := url.Values{"reply": {string(decline)}}
		if yes {
			form = url.Values{"reply": {string(save)}, "card": {"4242424242424242"}}
		}
		if w := postForm(ctx, h, page, form); w.Code != http.StatusSeeOther {
			return fmt.Errorf("POST %s: status %d", page, w.Code)
		}
		return nil
	}
}

func post(ctx context.Context, h http.Handler, page, choice string) *httptest.ResponseRecorder {
	return postForm(ctx, h, page, url.Values{"reply": {choice}})
}

func postForm(ctx context.Context, h http.Handler, page string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
