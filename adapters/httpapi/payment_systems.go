package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
)

// ListPaymentSystems returns the payment systems that a new subscription can use.
func (s *server) ListPaymentSystems(ctx context.Context, _ api.ListPaymentSystemsRequestObject) (api.ListPaymentSystemsResponseObject, error) {
	systems, err := s.Viewer.PaymentSystems(ctx)
	if err != nil {
		return nil, err
	}
	return api.ListPaymentSystems200JSONResponse{Body: api.PaymentSystemList{Data: mapSlice(systems, paymentSystem)}}, nil
}
