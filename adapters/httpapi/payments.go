package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
)

// ListPayments lists what the viewer paid, or was to pay.
func (s *server) ListPayments(ctx context.Context, r api.ListPaymentsRequestObject) (api.ListPaymentsResponseObject, error) {
	p, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	payments, err := s.Viewer.Payments(ctx, infoOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	payments, next := cut(payments, p, func(p billing.Payment) string { return string(p.ID) })
	return api.ListPayments200JSONResponse{Body: api.PaymentList{Data: mapped(payments, payment), NextCursor: next}}, nil
}
