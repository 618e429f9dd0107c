package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/ports"
)

// ListSubscriptions lists the viewer's subscriptions.
func (s *server) ListSubscriptions(ctx context.Context, r api.ListSubscriptionsRequestObject) (api.ListSubscriptionsResponseObject, error) {
	p, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	views, err := s.Viewer.Subscriptions(ctx, infoOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	views, next := cut(views, p, func(v ports.SubscriptionView) string { return string(v.ID) })
	return api.ListSubscriptions200JSONResponse{
		Body: api.SubscriptionList{Data: mapped(views, subscription), NextCursor: next},
	}, nil
}

// GetSubscription shows one of the viewer's subscriptions.
func (s *server) GetSubscription(ctx context.Context, r api.GetSubscriptionRequestObject) (api.GetSubscriptionResponseObject, error) {
	v, err := s.Viewer.Subscription(ctx, infoOf(ctx).user, r.Ref)
	if err != nil {
		return nil, err
	}
	return api.GetSubscription200JSONResponse{Body: subscription(v)}, nil
}
