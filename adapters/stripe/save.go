package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// setupIntent is the attempt to save a card on a page, without a charge.
type setupIntent struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Customer object `json:"customer"`
	Method   struct {
		ID   string `json:"id"`
		Card struct {
			Brand string `json:"brand"`
			Last4 string `json:"last4"`
		} `json:"card"`
	} `json:"payment_method"`
}

// Save implements [ports.Saver]. It opens a page that is valid for 24 hours.
func (s *Stripe) Save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	o, err := s.save(ctx, r)
	if errors.Is(err, ports.ErrTokenUnknown) { // of the customer, which the adapter has created
		err = fmt.Errorf("%w: %s", ports.ErrRefused, err.Error())
	}
	if err != nil {
		return billing.SaveOutcome{}, fmt.Errorf("stripe: save %q: %w", r.Key, err)
	}
	return o, nil
}

func (s *Stripe) save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	form := s.saveForm(r)
	if !validKey(billing.PaymentID(r.Key)) || form.Get("success_url") == "" {
		return billing.SaveOutcome{}, ports.ErrRefused
	}
	customer, err := s.customer(ctx, r.Payer)
	if err != nil {
		return billing.SaveOutcome{}, err
	}
	form.Set("customer", customer)
	var page session
	replayed, err := s.send(ctx, call{
		method: http.MethodPost, path: sessionsPath, key: keyOf(billing.PaymentID(r.Key), "setup"), form: form,
	}, &page)
	if err != nil {
		return billing.SaveOutcome{}, fmt.Errorf("open the page: %w", err)
	}
	if !replayed {
		return s.savePageOutcome(ctx, page)
	}
	o, err := s.findSavePage(ctx, r.Key, page.ID)
	if err != nil {
		return billing.SaveOutcome{}, unknown("read the page", err)
	}
	return o, nil
}

func (s *Stripe) saveForm(r ports.SaveRequest) url.Values {
	back := s.returnURL(ports.ChargeRequest{ReturnURL: r.ReturnURL})
	return url.Values{
		"mode":                             {"setup"},
		"client_reference_id":              {string(r.Key)},
		"payment_method_types[]":           {"card"},
		"success_url":                      {back},
		"cancel_url":                       {back},
		"metadata[" + metaMethod + "]":     {string(r.Key)},
		"metadata[" + metaUser + "]":       {string(r.Payer)},
		setupData + "[" + metaMethod + "]": {string(r.Key)},
		setupData + "[" + metaUser + "]":   {string(r.Payer)},
	}
}

const setupData = "setup_intent_data[metadata]"

// FindSave implements [ports.Saver]. Without a reference it reads the list of the pages of
// the time in which the request was sent.
func (s *Stripe) FindSave(ctx context.Context, q ports.SaveQuery) (billing.SaveOutcome, error) {
	o, err := s.findSave(ctx, q)
	if err != nil {
		return billing.SaveOutcome{}, fmt.Errorf("stripe: find the save %q: %w", q.Key, err)
	}
	return o, nil
}

func (s *Stripe) findSave(ctx context.Context, q ports.SaveQuery) (billing.SaveOutcome, error) {
	if !validKey(billing.PaymentID(q.Key)) {
		return billing.SaveOutcome{}, ports.ErrSaveNotFound
	}
	if strings.HasPrefix(q.ProviderRef, "cs_") && isID(q.ProviderRef) {
		return s.findSavePage(ctx, q.Key, q.ProviderRef)
	}
	page, err := find(ctx, s, sessionsPath, created(q.SentFrom, q.SentUntil), func(c session) bool {
		return c.Metadata[metaMethod] == string(q.Key)
	})
	switch {
	case errors.Is(err, ports.ErrChargeNotFound):
		return billing.SaveOutcome{}, ports.ErrSaveNotFound
	case err != nil:
		return billing.SaveOutcome{}, err
	default:
		return s.savePageOutcome(ctx, page)
	}
}

func (s *Stripe) findSavePage(ctx context.Context, key billing.PaymentMethodID, id string) (billing.SaveOutcome, error) {
	page, err := s.ownSession(ctx, metaMethod, string(key), id)
	if err != nil {
		return billing.SaveOutcome{}, err
	}
	return s.savePageOutcome(ctx, page)
}

// savePageOutcome returns the outcome of a page. While the page is open, the viewer can try
// another card.
func (s *Stripe) savePageOutcome(ctx context.Context, page session) (billing.SaveOutcome, error) {
	switch {
	case page.Status == sessionOpen && page.URL != "":
		return billing.SaveOutcome{
			Status: billing.MethodPending, ProviderRef: page.ID, ActionURL: page.URL, PageUntil: page.end(),
		}, nil
	case page.Status == sessionExpired:
		return billing.SaveOutcome{Status: billing.MethodFailed, DeclineCode: billing.ActionExpired, ProviderRef: page.ID}, nil
	case page.Status == sessionComplete && isID(page.SetupIntent.ID):
		var in setupIntent
		err := s.get(ctx, "/v1/setup_intents/"+page.SetupIntent.ID, url.Values{"expand[]": {"payment_method"}}, &in)
		if err != nil {
			return billing.SaveOutcome{}, unknown("read the SetupIntent of the page", err)
		}
		return in.outcome(page.ID)
	default:
		return billing.SaveOutcome{}, errStatus
	}
}

func (in setupIntent) outcome(ref string) (billing.SaveOutcome, error) {
	t := token{in.Customer.ID, in.Method.ID}
	switch {
	case in.Status == succeeded && isID(t.customer) && isID(t.method):
		return billing.SaveOutcome{
			Status: billing.MethodActive, ProviderRef: ref, Token: t.secret(),
			Brand: billing.Brand(in.Method.Card.Brand), Last4: in.Method.Card.Last4,
		}, nil
	case in.Status == processing:
		return billing.SaveOutcome{Status: billing.MethodPending, ProviderRef: ref}, nil
	case in.Status == canceled, in.Status == requiresPaymentMethod:
		return billing.SaveOutcome{Status: billing.MethodFailed, DeclineCode: billing.GenericDecline, ProviderRef: ref}, nil
	default:
		return billing.SaveOutcome{}, errStatus
	}
}
