package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// Subscribe charges the viewer for the first period of a plan.
func (s *server) Subscribe(ctx context.Context, r api.SubscribeRequestObject) (api.SubscribeResponseObject, error) {
	ref, err := planRef(r.Body.PlanCode, r.Body.PlanId)
	if err != nil {
		return nil, err
	}
	if !named(ref) {
		return nil, billing.ErrPlanNotFound
	}
	if !named(r.Body.PaymentSystem) {
		return nil, billing.ErrPaymentSystemNotFound
	}
	by, err := payBy(r.Body.PaymentToken, r.Body.CardId, r.Body.Cvv)
	if err != nil {
		return nil, err
	}
	price := billing.Money{Amount: r.Body.Price.Amount, Currency: billing.Currency(r.Body.Price.Currency)}
	return s.once(ctx, change{
		operation: "subscribe",
		fields: []string{
			ref, strconv.FormatInt(price.Amount, 10), string(price.Currency), r.Body.PaymentSystem, by.token, string(by.card),
		},
		run: func(request *ports.KeyedRequest) (ports.SubscriptionView, error) {
			return s.Subscriber.Subscribe(ctx, viewers.Subscribe{
				User: infoOf(ctx).user, Plan: ref, Price: price,
				PaymentSystem: r.Body.PaymentSystem,
				Token:         billing.NewSecret(by.token), Card: by.card, CVV: by.cvv, Request: request,
			})
		},
		status: subscribeStatus, outcome: subscribeOutcome,
	}), nil
}

// means is what a viewer pays with: a token, or a card with its CVV.
type means struct {
	token string
	card  billing.CardID
	cvv   billing.CVV
}

func payBy(token, card, cvv *string) (means, error) {
	wrong := func(field, message string) (means, error) {
		return means{}, &billing.InvalidError{Faults: []billing.Fault{{Field: field, Message: message}}}
	}
	switch {
	case token == nil && card == nil && cvv == nil:
		return wrong("payment_token", "is missing; give it, or card_id and cvv")
	case token != nil && (card != nil || cvv != nil):
		return wrong("payment_token", "cannot come with a card; pay with one of them")
	case token != nil && billing.LooksLikeCardNumber(*token): // what is kept to compare requests must not have it
		return wrong("payment_token", "looks like the number of a card; add the card instead")
	case token != nil:
		return means{token: *token}, nil
	case card == nil:
		return wrong("card_id", "is missing")
	case cvv == nil:
		return wrong("cvv", "is missing: it is asked for at each payment")
	case !billing.IsID(*card):
		return means{}, billing.ErrCardNotFound
	default:
		return means{card: billing.CardID(*card), cvv: billing.NewCVV(*cvv)}, nil
	}
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

func subscribeStatus(v ports.SubscriptionView) int {
	if v.Status == billing.StatusIncomplete {
		return http.StatusAccepted
	}
	return http.StatusCreated
}

// subscribeOutcome is what an earlier subscribe came to that died before it
// answered.
func subscribeOutcome(v ports.SubscriptionView) error {
	if v.Latest.Status == billing.PaymentDeclined && v.StartedAt.IsZero() {
		return &billing.DeclinedError{Payment: v.Latest.ID, Code: v.Latest.DeclineCode}
	}
	return nil
}
