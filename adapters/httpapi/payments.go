package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/viewers"
)

// GetPayment returns one of the viewer's payments.
func (s *server) GetPayment(ctx context.Context, r api.GetPaymentRequestObject) (api.GetPaymentResponseObject, error) {
	if !billing.IsID(r.Id) {
		return nil, billing.ErrPaymentNotFound
	}
	p, err := s.Viewer.Payment(ctx, stateOf(ctx).user, billing.PaymentID(r.Id))
	if err != nil {
		return nil, err
	}
	return api.GetPayment200JSONResponse{Body: payment(p)}, nil
}

// ListPayments returns a page of the viewer's payments, newest first.
func (s *server) ListPayments(ctx context.Context, r api.ListPaymentsRequestObject) (api.ListPaymentsResponseObject, error) {
	p, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	var matchable bool
	if p.Filter, matchable = newFilter(r.Params.Plan, r.Params.Status); !matchable {
		return api.ListPayments200JSONResponse{Body: api.PaymentList{Data: []api.Payment{}}}, nil
	}
	payments, err := s.Viewer.Payments(ctx, stateOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	payments, next := trimPage(payments, p, func(p viewers.Payment) string { return string(p.ID) })
	return api.ListPayments200JSONResponse{Body: api.PaymentList{Data: mapSlice(payments, payment), NextCursor: next}}, nil
}
