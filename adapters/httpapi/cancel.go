package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// CancelSubscription ends a subscription now or at the end of the paid period.
// A card number in place of the token is refused here, so that it is never part
// of the stored fingerprint.
func (s *server) CancelSubscription(ctx context.Context, r api.CancelSubscriptionRequestObject) (api.CancelSubscriptionResponseObject, error) {
	at, token := cancelBody(r.Body)
	if billing.IsCardNumber(token) {
		return nil, billing.ErrPaymentTokenUnknown.WithMessage("the subscription is not paid with this payment token")
	}
	return s.runOnce(ctx, mutation{
		operation: "cancel",
		fields:    []string{string(at), token},
		run: func(request *ports.KeyedRequest) (ports.SubscriptionView, error) {
			return s.Subscriber.Cancel(ctx, viewers.Cancel{
				User: stateOf(ctx).user, Ref: r.Ref, Token: billing.NewSecret(token), At: at,
				Request: request, Respond: respondOK,
			})
		},
		status: statusOK, outcome: alwaysSucceeded,
	}), nil
}

// cancelBody reads the body. The body and all of its members are optional.
func cancelBody(body *api.CancelSubscriptionJSONRequestBody) (at billing.CancelAt, token string) {
	at = billing.AtPeriodEnd
	if body == nil {
		return at, ""
	}
	if body.At != nil {
		at = billing.CancelAt(*body.At)
	}
	if body.PaymentToken != nil {
		token = *body.PaymentToken
	}
	return at, token
}

// ResumeSubscription revokes a cancel before the period ends.
func (s *server) ResumeSubscription(ctx context.Context, r api.ResumeSubscriptionRequestObject) (api.ResumeSubscriptionResponseObject, error) {
	return s.runOnce(ctx, mutation{
		operation: "resume",
		run: func(request *ports.KeyedRequest) (ports.SubscriptionView, error) {
			return s.Subscriber.Resume(ctx, viewers.Resume{
				User: stateOf(ctx).user, Ref: r.Ref, Request: request, Respond: respondOK,
			})
		},
		status: statusOK, outcome: alwaysSucceeded,
	}), nil
}

func statusOK(ports.SubscriptionView) int { return http.StatusOK }

// respondOK is the response to a cancel or resume, stored with its effect.
func respondOK(v ports.SubscriptionView) (ports.Response, error) {
	body, err := json.Marshal(subscription(v))
	return ports.Response{Status: http.StatusOK, Body: body}, err
}

// alwaysSucceeded is the outcome of mutations that commit nothing when they fail.
func alwaysSucceeded(ports.SubscriptionView) error { return nil }
