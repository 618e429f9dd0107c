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
	for name, terms := range map[string]*billing.ReceiptTerms{"without receipts": nil, "with receipts": {Mode: billing.FullPrepayment, TaxSystem: 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, harness(terms))
		})
	}
}

// harness returns the harnesses of simulators that need receipts with the terms, or none.
func harness(terms *billing.ReceiptTerms) func(*testing.T) providertest.Harness {
	return func(t *testing.T) providertest.Harness {
		t.Helper()
		s := newSimulator(t, Config{Wait: wait, Receipts: terms}) // a real wait, because the suite sets deadlines
		return providertest.Harness{
			Provider: s, Ledger: s, Confirm: pressButton(s.Handler()), Canceller: s,
			Saver: s, SavePage: savePage(s.Handler()), Forgetter: s, Receipt: s.received,
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
	}
}

// received returns the receipt of a charge or a refund.
func (s *Simulator) received(key billing.ReceiptID) (r providertest.ReceivedReceipt, err error) {
	var text string
	var contact []byte
	err = s.pool.QueryRow(context.Background(), `
		SELECT receipt, receipt_contact FROM simulator.requests WHERE key = $1 AND receipt IS NOT NULL
		UNION ALL SELECT receipt, receipt_contact FROM simulator.refunds WHERE key = $1 AND receipt IS NOT NULL`, key).Scan(&text, &contact)
	parts := append(strings.Split(text, "|"), "", "")
	r.Item, r.VAT = parts[0], billing.VAT(parts[1])
	copy(r.Contact[:], contact)
	return r, err
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
