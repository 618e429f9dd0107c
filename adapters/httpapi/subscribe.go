package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// Subscribe charges the viewer for the first period of a plan.
func (s *server) Subscribe(ctx context.Context, r api.SubscribeRequestObject) (api.SubscribeResponseObject, error) {
	ref, err := planRef(r.Body.PlanCode, r.Body.PlanId)
	if err != nil {
		return nil, err
	}
	price := billing.Money{Amount: r.Body.Price.Amount, Currency: billing.Currency(r.Body.Price.Currency)}
	return s.once(ctx, change{
		operation: "subscribe",
		fields: []string{
			ref, strconv.FormatInt(price.Amount, 10), string(price.Currency), r.Body.PaymentSystem, r.Body.PaymentToken,
		},
		run: func(request *app.Request) (app.SubscriptionView, error) {
			return s.Subscriber.Subscribe(ctx, app.Subscribe{
				User: infoOf(ctx).user, Plan: ref, Price: price,
				PaymentSystem: r.Body.PaymentSystem, Token: billing.NewSecret(r.Body.PaymentToken), Request: request,
			})
		},
		status: subscribeStatus, outcome: subscribeOutcome,
	}), nil
}

// planRef returns the one name that the plan is given.
func planRef(code, id *string) (string, error) {
	const one = "name the plan with exactly one of plan_code and plan_id"
	switch {
	case (code == nil) == (id == nil):
		return "", &billing.InvalidError{Faults: []billing.Fault{{Field: "plan_code", Message: one}}}
	case code != nil:
		return *code, nil
	default:
		return *id, nil
	}
}

func subscribeStatus(v app.SubscriptionView) int {
	if v.Status == billing.Incomplete {
		return http.StatusAccepted
	}
	return http.StatusCreated
}

// subscribeOutcome is what an earlier subscribe came to that died before it
// answered.
func subscribeOutcome(v app.SubscriptionView) error {
	if v.Latest.Status == billing.PaymentDeclined && v.StartedAt.IsZero() {
		return &billing.DeclinedError{Payment: v.Latest.ID, Code: v.Latest.DeclineCode}
	}
	return nil
}
