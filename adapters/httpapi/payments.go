package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
)

// ListPayments returns a page of the viewer's payments, newest first.
func (s *server) ListPayments(ctx context.Context, r api.ListPaymentsRequestObject) (api.ListPaymentsResponseObject, error) {
	p, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	payments, err := s.Viewer.Payments(ctx, stateOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	payments, next := trimPage(payments, p, func(p billing.Payment) string { return string(p.ID) })
	return api.ListPayments200JSONResponse{Body: api.PaymentList{Data: mapSlice(payments, payment), NextCursor: next}}, nil
}
