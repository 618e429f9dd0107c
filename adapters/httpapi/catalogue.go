package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
)

// ListPlans lists what can be bought.
func (s *server) ListPlans(ctx context.Context, _ api.ListPlansRequestObject) (api.ListPlansResponseObject, error) {
	plans, err := s.Viewer.Plans(ctx)
	if err != nil {
		return nil, err
	}
	return api.ListPlans200JSONResponse{Body: api.PlanList{Data: mapped(plans, plan)}}, nil
}

// ListPaymentSystems lists how it can be paid.
func (s *server) ListPaymentSystems(ctx context.Context, _ api.ListPaymentSystemsRequestObject) (api.ListPaymentSystemsResponseObject, error) {
	systems, err := s.Viewer.PaymentSystems(ctx)
	if err != nil {
		return nil, err
	}
	return api.ListPaymentSystems200JSONResponse{Body: api.PaymentSystemList{Data: mapped(systems, paymentSystem)}}, nil
}
