package httpapi

import (
	"context"
	"net/http"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// CancelSubscription ends a subscription.
func (s *server) CancelSubscription(ctx context.Context, r api.CancelSubscriptionRequestObject) (api.CancelSubscriptionResponseObject, error) {
	at, token := cancelBody(r.Body)
	if billing.LooksLikeCardNumber(token) { // what is kept to compare requests must not have it
		return nil, billing.ErrPaymentTokenUnknown.WithMessage("the subscription is not paid with this payment token")
	}
	return s.once(ctx, change{
		operation: "cancel",
		fields:    []string{string(at), token},
		run: func(request *ports.KeyedRequest) (ports.SubscriptionView, error) {
			return s.Subscriber.Cancel(ctx, viewers.Cancel{
				User: infoOf(ctx).user, Ref: r.Ref, Token: billing.NewSecret(token), At: at, Request: request,
			})
		},
		status: ok, outcome: done,
	}), nil
}

// cancelBody reads the body, which may be left out like all that is in it.
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

// ResumeSubscription takes a cancel back.
func (s *server) ResumeSubscription(ctx context.Context, r api.ResumeSubscriptionRequestObject) (api.ResumeSubscriptionResponseObject, error) {
	return s.once(ctx, change{
		operation: "resume",
		run: func(request *ports.KeyedRequest) (ports.SubscriptionView, error) {
			return s.Subscriber.Resume(ctx, viewers.Resume{User: infoOf(ctx).user, Ref: r.Ref, Request: request})
		},
		status: ok, outcome: done,
	}), nil
}

func ok(ports.SubscriptionView) int { return http.StatusOK }

func done(ports.SubscriptionView) error { return nil }
