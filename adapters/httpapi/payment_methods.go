package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// LinkPaymentMethod links a payment token, or opens a page that saves a payment method. It
// refuses a card number, so that it is never part of the stored fingerprint of the request.
func (s *server) LinkPaymentMethod(ctx context.Context, r api.LinkPaymentMethodRequestObject) (api.LinkPaymentMethodResponseObject, error) {
	system := r.Body.PaymentSystem
	if !validRef(system) {
		return nil, billing.ErrPaymentSystemNotFound
	}
	switch {
	case r.Body.PaymentToken != nil && r.Body.ReturnUrl != nil:
		return nil, invalidField("payment_token", "cannot be combined with return_url; send only one of them")
	case r.Body.ReturnUrl != nil:
		return s.savePaymentMethod(ctx, system, r.Body.ReturnUrl)
	case r.Body.PaymentToken == nil:
		return nil, invalidField("payment_token", "is missing; send it, or a return_url to save a payment method on a page")
	}
	token := *r.Body.PaymentToken
	if billing.IsCardNumber(token) {
		return nil, invalidField("payment_token", "looks like a card number; add the card instead")
	}
	m := mutation{operation: "link payment method", fields: []string{system, token}}
	return s.respondOnce(ctx, m, func(request *ports.KeyedRequest) (response, error) {
		return s.linkPaymentMethod(ctx, viewers.LinkToken{
			User: stateOf(ctx).user, PaymentSystem: system, Token: billing.NewSecret(token), Request: request,
		})
	}), nil
}

// linkPaymentMethod runs the use case and renders its result or its error.
func (s *server) linkPaymentMethod(ctx context.Context, cmd viewers.LinkToken) (response, error) {
	linked, err := s.Methods.Link(ctx, cmd)
	if err != nil {
		return s.problemResponse(ctx, err), err
	}
	return s.renderMethod(ctx, linked, http.StatusCreated)
}

func (s *server) renderMethod(ctx context.Context, m viewers.Method, status int) (response, error) {
	body, err := json.Marshal(paymentMethod(m))
	if err != nil {
		return s.problemResponse(ctx, fmt.Errorf("render payment method: %w", err)), err
	}
	return response{status: status, body: body}, nil
}

// savePaymentMethod opens a page that saves a payment method, once per Idempotency-Key.
func (s *server) savePaymentMethod(ctx context.Context, system string, url *string) (api.LinkPaymentMethodResponseObject, error) {
	returnURL, err := s.returnURL(url)
	if err != nil {
		return nil, err
	}
	m := mutation{
		operation: "save payment method", fields: []string{system, returnURL},
		ofMethod: func(m viewers.Method) response {
			resp, _ := s.renderMethod(ctx, m, http.StatusAccepted)
			return resp
		},
	}
	return s.respondOnce(ctx, m, func(request *ports.KeyedRequest) (response, error) {
		saved, err := s.Methods.Save(ctx, viewers.SaveMethod{
			User: stateOf(ctx).user, PaymentSystem: system, ReturnURL: returnURL, Request: request,
		})
		if err != nil {
			return s.problemResponse(ctx, err), err
		}
		return s.renderMethod(ctx, saved, http.StatusAccepted)
	}), nil
}

// ListPaymentMethods returns a page of the viewer's payment methods, newest first.
func (s *server) ListPaymentMethods(ctx context.Context, r api.ListPaymentMethodsRequestObject) (api.ListPaymentMethodsResponseObject, error) {
	p, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := s.Methods.List(ctx, stateOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	list, next := trimPage(list, p, func(m viewers.Method) string { return string(m.ID) })
	return api.ListPaymentMethods200JSONResponse{
		Body: api.PaymentMethodList{Data: mapSlice(list, paymentMethod), NextCursor: next},
	}, nil
}

// RemovePaymentMethod removes a payment method permanently.
func (s *server) RemovePaymentMethod(ctx context.Context, r api.RemovePaymentMethodRequestObject) (api.RemovePaymentMethodResponseObject, error) {
	if !billing.IsID(r.Id) {
		return nil, billing.ErrPaymentMethodNotFound
	}
	if err := s.Methods.Remove(ctx, stateOf(ctx).user, billing.PaymentMethodID(r.Id)); err != nil {
		return nil, err
	}
	return api.RemovePaymentMethod204Response{}, nil
}
