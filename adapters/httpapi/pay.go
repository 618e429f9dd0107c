package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// PaySubscription charges the viewer for the period that is past due.
func (s *server) PaySubscription(ctx context.Context, r api.PaySubscriptionRequestObject) (api.PaySubscriptionResponseObject, error) {
	b := r.Body
	source, err := newSource(sourceFields{b.PaymentMethodId, b.PaymentSystem, b.PaymentToken, b.CardId, b.Cvv})
	if err != nil {
		return nil, err
	}
	returnURL, err := s.returnURL(b.ReturnUrl)
	if err != nil {
		return nil, err
	}
	contact, err := receiptContact(b.Receipt)
	if err != nil {
		return nil, err
	}
	cmd := viewers.Pay{
		Contact: contact,
		User:    stateOf(ctx).user, Ref: r.Ref, Source: source, ReturnURL: returnURL,
		Price: billing.Money{Amount: b.Price.Amount, Currency: billing.Currency(b.Price.Currency)},
	}
	if b.IntervalMonths != nil {
		cmd.Months = *b.IntervalMonths
	}
	if b.TermsVersion != nil {
		cmd.TermsVersion = *b.TermsVersion
	}
	fields := []string{
		strconv.FormatInt(cmd.Price.Amount, 10), string(cmd.Price.Currency), strconv.Itoa(cmd.Months),
		string(source.Method), source.PaymentSystem, source.Token.Reveal(), string(source.Card), cmd.TermsVersion,
	}
	if returnURL != "" { // as before, so that stored fingerprints are recognised
		fields = append(fields, "return_url", returnURL)
	}
	if !contact.IsZero() {
		fields = append(fields, "receipt", contact.Reveal())
	}
	return s.runOnce(ctx, mutation{
		operation: "pay", fields: fields,
		run: func(request *ports.KeyedRequest) (ports.SubscriptionView, error) {
			cmd.Request = request
			return s.Subscriber.Pay(ctx, cmd)
		},
		status: payStatus, outcome: payOutcome,
	}), nil
}

func payStatus(v ports.SubscriptionView) int {
	if v.Latest.Status == billing.PaymentPending {
		return http.StatusAccepted
	}
	return http.StatusOK
}

// payOutcome returns the error of an earlier payment whose process died before it
// responded.
func payOutcome(v ports.SubscriptionView) error {
	if v.Latest.Initiator != billing.CustomerInitiated {
		return nil // a renewal has followed
	}
	return viewers.PaymentFailure(&v.Latest)
}

// ReplacePaymentMethod sets the payment method of later renewals. Like every PUT, it can
// be repeated without an Idempotency-Key.
func (s *server) ReplacePaymentMethod(ctx context.Context, r api.ReplacePaymentMethodRequestObject) (api.ReplacePaymentMethodResponseObject, error) {
	b := r.Body
	source, err := newSource(sourceFields{method: b.PaymentMethodId, system: b.PaymentSystem, token: b.PaymentToken})
	if err != nil {
		return nil, err
	}
	if source.Method == "" && source.Token.IsZero() {
		return nil, invalidField("payment_method_id", "is missing; send it, or payment_system and payment_token")
	}
	contact, err := receiptContact(b.Receipt)
	if err != nil {
		return nil, err
	}
	v, err := s.Subscriber.Replace(ctx, viewers.Replace{User: stateOf(ctx).user, Ref: r.Ref, Source: source, Contact: contact})
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(subscription(v))
	return response{status: http.StatusOK, body: body}, err
}

// sourceFields are the members of a request that name a means of payment.
type sourceFields struct{ method, system, token, card, cvv *string }

// newSource returns the means of payment. It refuses a card number in place of a token, so
// that it is never part of the stored fingerprint.
func newSource(f sourceFields) (viewers.Source, error) {
	var s viewers.Source
	if f.system != nil {
		s.PaymentSystem = *f.system
		if !validRef(s.PaymentSystem) {
			return s, billing.ErrPaymentSystemNotFound
		}
	}
	switch {
	case f.method != nil && (f.system != nil || f.token != nil || f.card != nil || f.cvv != nil):
		return s, invalidField("payment_method_id", "cannot be combined with a token or a card; send only one of them")
	case f.method != nil && !billing.IsID(*f.method):
		return s, billing.ErrPaymentMethodNotFound
	case f.method != nil:
		s.Method = billing.PaymentMethodID(*f.method)
		return s, nil
	case f.token != nil && f.system == nil:
		return s, invalidField("payment_system", "is missing; a token belongs to a payment system")
	case f.token == nil && f.card == nil && f.cvv == nil:
		return s, nil
	}
	p, err := newPaymentSource(f.token, f.card, f.cvv)
	s.Token, s.Card, s.CVV = billing.NewSecret(p.token), p.card, p.cvv
	return s, err
}
