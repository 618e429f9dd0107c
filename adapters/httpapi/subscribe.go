package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// Subscribe charges the viewer for the first period of a plan.
func (s *server) Subscribe(ctx context.Context, r api.SubscribeRequestObject) (api.SubscribeResponseObject, error) {
	ref, err := planRef(r.Body.PlanCode, r.Body.PlanId)
	if err != nil {
		return nil, err
	}
	if !validRef(ref) {
		return nil, billing.ErrPlanNotFound
	}
	if !validRef(r.Body.PaymentSystem) {
		return nil, billing.ErrPaymentSystemNotFound
	}
	source, err := newPaymentSource(r.Body.PaymentToken, r.Body.CardId, r.Body.Cvv)
	if err != nil {
		return nil, err
	}
	returnURL, err := s.returnURL(r.Body.ReturnUrl)
	if err != nil {
		return nil, err
	}
	price := billing.Money{Amount: r.Body.Price.Amount, Currency: billing.Currency(r.Body.Price.Currency)}
	fields := []string{
		ref, strconv.FormatInt(price.Amount, 10), string(price.Currency), r.Body.PaymentSystem, source.token, string(source.card),
	}
	months := 0
	if r.Body.IntervalMonths != nil {
		months = *r.Body.IntervalMonths
		fields = append(fields, strconv.Itoa(months))
	}
	terms := ""
	if r.Body.TermsVersion != nil {
		terms = *r.Body.TermsVersion
		fields = append(fields, "terms_version", terms) // named, so that no interval looks the same
	}
	if returnURL != "" {
		fields = append(fields, "return_url", returnURL)
	}
	contact, err := receiptContact(r.Body.Receipt)
	if err != nil {
		return nil, err
	}
	if !contact.IsZero() {
		fields = append(fields, "receipt", contact.Reveal())
	}
	return s.runOnce(ctx, mutation{
		operation: "subscribe", fields: fields,
		run: func(request *ports.KeyedRequest) (ports.SubscriptionView, error) {
			return s.Subscriber.Subscribe(ctx, viewers.Subscribe{
				User: stateOf(ctx).user, Plan: ref, Price: price, Months: months, TermsVersion: terms,
				PaymentSystem: r.Body.PaymentSystem,
				Token:         billing.NewSecret(source.token), Card: source.card, CVV: source.cvv, ReturnURL: returnURL, Contact: contact, Request: request,
			})
		},
		status: subscribeStatus, outcome: subscribeOutcome,
	}), nil
}

// returnURL returns the page to which the viewer returns, or "" if the request names none.
// A page that the operator has not allowed could be one of a thief.
func (s *server) returnURL(url *string) (string, error) {
	switch {
	case url == nil:
		return "", nil
	case !billing.IsWebPage(*url):
		return "", invalidField("return_url", "must be the address of a web page")
	case s.ReturnURLs.Any:
		return *url, nil
	case len(s.ReturnURLs.Prefixes) == 0:
		return "", invalidField("return_url", "no address is allowed here; the operator must set BILLING_RETURN_URLS")
	case !slices.ContainsFunc(s.ReturnURLs.Prefixes, func(prefix string) bool { return strings.HasPrefix(*url, prefix) }):
		return "", invalidField("return_url", "must begin with an allowed address: "+strings.Join(s.ReturnURLs.Prefixes, ", "))
	default:
		return *url, nil
	}
}

// receiptContact returns the contact for receipts, or the zero one if the request has none.
func receiptContact(r *api.ReceiptContact) (billing.Contact, error) {
	if r == nil {
		return billing.Contact{}, nil
	}
	return billing.NewContact(r.Email, r.Phone)
}

// paymentSource is a payment token, or a stored card with its CVV. The zero value is a page
// of the payment system.
type paymentSource struct {
	token string
	card  billing.CardID
	cvv   billing.CVV
}

// newPaymentSource refuses a card number in place of a token, so that it is never
// part of the stored fingerprint.
func newPaymentSource(token, card, cvv *string) (paymentSource, error) {
	invalid := func(field, message string) (paymentSource, error) {
		return paymentSource{}, invalidField(field, message)
	}
	switch {
	case token == nil && card == nil && cvv == nil:
		return paymentSource{}, nil
	case token != nil && (card != nil || cvv != nil):
		return invalid("payment_token", "cannot be combined with a card; send only one of them")
	case token != nil && billing.IsCardNumber(*token):
		return invalid("payment_token", "looks like a card number; add the card and send its card_id instead")
	case token != nil:
		return paymentSource{token: *token}, nil
	case card == nil:
		return invalid("card_id", "is missing")
	case cvv == nil:
		return invalid("cvv", "is missing; ask the viewer for it at each payment")
	case !billing.IsID(*card):
		return paymentSource{}, billing.ErrCardNotFound
	default:
		return paymentSource{card: billing.CardID(*card), cvv: billing.NewCVV(*cvv)}, nil
	}
}

// planRef returns the plan's code or id. The request must have exactly one.
func planRef(code, id *string) (string, error) {
	switch {
	case (code == nil) == (id == nil):
		return "", invalidField("plan_code", "send exactly one of plan_code and plan_id")
	case code != nil:
		return *code, nil
	default:
		return *id, nil
	}
}

func subscribeStatus(v ports.SubscriptionView) int {
	if v.Status == billing.StatusIncomplete {
		return http.StatusAccepted
	}
	return http.StatusCreated
}

// subscribeOutcome returns the error of an earlier subscribe whose process died
// before it responded: a decline of the first payment.
func subscribeOutcome(v ports.SubscriptionView) error {
	if v.Latest.Status == billing.PaymentDeclined && v.StartedAt.IsZero() {
		return &billing.DeclinedError{Payment: v.Latest.ID, Code: v.Latest.DeclineCode}
	}
	return nil
}
