package stripe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// session is a Checkout Session: a page on which a viewer pays, or saves a card.
type session struct {
	ID          string            `json:"id"`
	URL         string            `json:"url"`
	Status      string            `json:"status"`
	ExpiresAt   int64             `json:"expires_at"`
	Intent      object            `json:"payment_intent"`
	SetupIntent object            `json:"setup_intent"`
	Metadata    map[string]string `json:"metadata"`
}

// Statuses of a session.
const (
	sessionOpen     = "open"
	sessionComplete = "complete"
	sessionExpired  = "expired"
)

const sessionsPath = "/v1/checkout/sessions"

// openPage opens a page on which the payer pays within 24 hours.
func (s *Stripe) openPage(ctx context.Context, r ports.ChargeRequest, p price) (billing.Outcome, error) {
	customer, err := s.customer(ctx, r.Payer)
	if err != nil {
		return billing.Outcome{}, err
	}
	var page session
	replayed, err := s.send(ctx, call{
		method: http.MethodPost, path: sessionsPath, key: keyOf(r.Key, "session"), form: s.pageForm(r, customer, p),
	}, &page)
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("open the page: %w", err)
	}
	if !replayed {
		return s.pageOutcome(ctx, page)
	}
	o, err := s.findSession(ctx, r.Key, page.ID)
	if err != nil {
		return billing.Outcome{}, unknown("read the page", err)
	}
	return o, nil
}

func (s *Stripe) pageForm(r ports.ChargeRequest, customer string, p price) url.Values {
	const item, intent = "line_items[0]", "payment_intent_data"
	form := url.Values{
		"mode":                                    {"payment"},
		"customer":                                {customer},
		"client_reference_id":                     {string(r.Key)},
		"payment_method_types[]":                  {"card"},
		"success_url":                             {s.returnURL(r)},
		"cancel_url":                              {s.returnURL(r)},
		item + "[quantity]":                       {"1"},
		item + "[price_data][currency]":           {p.currency},
		item + "[price_data][unit_amount]":        {strconv.FormatInt(p.amount, 10)},
		item + "[price_data][product_data][name]": {s.cfg.Product},
		intent + "[setup_future_usage]":           {offSession},
		intent + "[metadata][" + metaPage + "]":   {yes},
	}
	for name, value := range metadataOf(r) {
		form.Set("metadata["+name+"]", value)
		form.Set(intent+"[metadata]["+name+"]", value)
	}
	return form
}

// end returns the time at which the page expires, or zero if Stripe does not say.
func (p session) end() time.Time {
	if p.ExpiresAt == 0 {
		return time.Time{}
	}
	return time.Unix(p.ExpiresAt, 0).UTC()
}

// pageOutcome returns the outcome of a page. While the page is open, the viewer can try
// again, so a declined attempt does not count.
func (s *Stripe) pageOutcome(ctx context.Context, page session) (billing.Outcome, error) {
	switch {
	case page.Status == sessionOpen && page.URL != "":
		return billing.Outcome{
			Status: billing.PaymentPending, ProviderRef: page.ID, ActionURL: page.URL, ActionExpiresAt: page.end(),
		}, nil
	case page.Status == sessionExpired && page.Intent.ID != "":
		return s.expiredOutcome(ctx, page)
	case page.Status == sessionExpired:
		return expired(page), nil
	case page.Status == sessionComplete && page.Intent.ID != "":
		in, err := s.intent(ctx, page.Intent.ID)
		if err != nil {
			return billing.Outcome{}, unknown("read the PaymentIntent of the page", err)
		}
		o, err := in.outcome()
		if err != nil {
			return billing.Outcome{}, unknown("the PaymentIntent of the page", err)
		}
		return o, nil
	default:
		return billing.Outcome{}, errStatus
	}
}

// expired returns the outcome of a page that the viewer cannot pay on any more.
func expired(page session) billing.Outcome {
	return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.ActionExpired, ProviderRef: page.ID}
}

// expiredOutcome returns the outcome of an expired page with attempts to pay. An attempt may
// have succeeded, or still be in progress, at the moment at which the page expired.
func (s *Stripe) expiredOutcome(ctx context.Context, page session) (billing.Outcome, error) {
	in, err := s.intent(ctx, page.Intent.ID)
	switch {
	case err != nil:
		return billing.Outcome{}, unknown("read the PaymentIntent of the expired page", err)
	case in.Status != succeeded && in.Status != processing:
		return expired(page), nil
	}
	o, err := in.outcome()
	if err != nil {
		return billing.Outcome{}, unknown("the PaymentIntent of the expired page", err)
	}
	return o, nil
}
