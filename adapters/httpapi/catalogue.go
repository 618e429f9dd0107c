package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
)

// catalogueTimeout is how long those who wait for the plans together wait for
// the database.
const catalogueTimeout = 5 * time.Second

// ListPlans lists what can be bought. Everybody asks for it, and gets what is
// true after asking: those who ask while a query is under way share the next.
func (s *server) ListPlans(ctx context.Context, _ api.ListPlansRequestObject) (api.ListPlansResponseObject, error) {
	return s.plans.Do(struct{}{}, func(all []struct{}) ([]api.ListPlansResponseObject, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), catalogueTimeout)
		defer cancel()
		plans, err := s.Viewer.Plans(ctx)
		if err != nil {
			return nil, err
		}
		body, err := json.Marshal(api.PlanList{Data: mapped(plans, plan)})
		return slices.Repeat([]api.ListPlansResponseObject{renderedPlans(append(body, '\n'))}, len(all)), err
	})
}

// renderedPlans is the answer to all who share a query.
type renderedPlans []byte

// VisitListPlansResponse implements [api.ListPlansResponseObject].
func (body renderedPlans) VisitListPlansResponse(w http.ResponseWriter) error {
	w.Header()["Content-Type"] = typeJSON
	_, err := w.Write(body)
	return err
}

// ListPaymentSystems lists how it can be paid.
func (s *server) ListPaymentSystems(ctx context.Context, _ api.ListPaymentSystemsRequestObject) (api.ListPaymentSystemsResponseObject, error) {
	systems, err := s.Viewer.PaymentSystems(ctx)
	if err != nil {
		return nil, err
	}
	return api.ListPaymentSystems200JSONResponse{Body: api.PaymentSystemList{Data: mapped(systems, paymentSystem)}}, nil
}
