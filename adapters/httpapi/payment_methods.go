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

// LinkPaymentMethod links a payment token. It refuses a card number, so that it is never
// part of the stored fingerprint of the request.
func (s *server) LinkPaymentMethod(ctx context.Context, r api.LinkPaymentMethodRequestObject) (api.LinkPaymentMethodResponseObject, error) {
	system, token := r.Body.PaymentSystem, r.Body.PaymentToken
	if !validRef(system) {
		return nil, billing.ErrPaymentSystemNotFound
	}
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
	body, err := json.Marshal(paymentMethod(linked))
	if err != nil {
		return s.problemResponse(ctx, fmt.Errorf("render payment method: %w", err)), err
	}
	return response{status: http.StatusCreated, body: body}, nil
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
