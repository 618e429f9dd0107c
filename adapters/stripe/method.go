package stripe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// token is a payment method and its customer, who is empty if the viewer's browser sent
// the token.
type token struct{ customer, method string }

// parseToken returns [ports.ErrTokenUnknown] for a text that no token of Stripe has.
func parseToken(secret billing.Secret) (token, error) {
	customer, method, both := strings.Cut(secret.Reveal(), "/")
	if !both {
		customer, method = "", customer
	}
	if !strings.HasPrefix(method, "pm_") || !isID(method) || both && (!strings.HasPrefix(customer, "cus_") || !isID(customer)) {
		return token{}, ports.ErrTokenUnknown
	}
	return token{customer, method}, nil
}

func (t token) secret() billing.Secret { return billing.NewSecret(t.customer + "/" + t.method) }

// method returns the payment method of a request with its customer. A payment method that
// a browser sent for the first time gets the payer's customer. A saved payment method has
// its customer already.
//
// create checks that the customer belongs to the payer.
func (s *Stripe) method(ctx context.Context, r ports.ChargeRequest) (token, error) {
	t, err := parseToken(r.Token)
	if err != nil || t.customer != "" {
		return t, err
	}
	var m struct{ Customer object }
	err = s.get(ctx, "/v1/payment_methods/"+t.method, nil, &m)
	switch {
	case isMissing(err):
		return t, ports.ErrTokenUnknown
	case err != nil:
		return t, prepare("read the payment method", err)
	case m.Customer.ID != "":
		t.customer = m.Customer.ID
		return t, nil
	}
	t.customer, err = s.customer(ctx, r.Payer)
	if err == nil && r.Initiator == billing.MerchantInitiated {
		err = s.attach(ctx, r, t)
	}
	return t, err
}

// attach saves a payment method that the viewer stored without a payment. A payment by the
// viewer saves it itself. Stripe refuses to attach a deleted payment method.
func (s *Stripe) attach(ctx context.Context, r ports.ChargeRequest, t token) error {
	_, err := s.send(ctx, call{
		method: http.MethodPost, path: "/v1/payment_methods/" + t.method + "/attach", key: keyOf(r.Key, "attach"),
		form: url.Values{"customer": {t.customer}},
	}, &object{})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ports.ErrRefused), isStatus(err, (*apiError).declined):
		return ports.ErrTokenUnknown
	default:
		return prepare("save the payment method", err)
	}
}

// customer returns a customer of the viewer. Stripe forgets the key after a day, so a
// viewer may have several.
func (s *Stripe) customer(ctx context.Context, payer billing.UserID) (string, error) {
	var c object
	_, err := s.send(ctx, call{
		method: http.MethodPost, path: "/v1/customers", key: "customer:" + string(payer),
		form: url.Values{"metadata[" + metaUser + "]": {string(payer)}},
	}, &c)
	if err == nil && !isID(c.ID) {
		err = errObject
	}
	if err != nil {
		return "", prepare("create the customer", err)
	}
	return c.ID, nil
}
