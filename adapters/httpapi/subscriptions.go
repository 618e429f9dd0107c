package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/ports"
)

// ListSubscriptions returns a page of the viewer's subscriptions, newest first.
func (s *server) ListSubscriptions(ctx context.Context, r api.ListSubscriptionsRequestObject) (api.ListSubscriptionsResponseObject, error) {
	p, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	var matchable bool
	if p.Filter, matchable = newFilter(r.Params.Plan, r.Params.Status); !matchable {
		return api.ListSubscriptions200JSONResponse{Body: api.SubscriptionList{Data: []api.Subscription{}}}, nil
	}
	views, err := s.Viewer.Subscriptions(ctx, stateOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	views, next := trimPage(views, p, func(v ports.SubscriptionView) string { return string(v.ID) })
	return api.ListSubscriptions200JSONResponse{
		Body: api.SubscriptionList{Data: mapSlice(views, subscription), NextCursor: next},
	}, nil
}

// GetSubscription returns one of the viewer's subscriptions, by its id or plan code.
func (s *server) GetSubscription(ctx context.Context, r api.GetSubscriptionRequestObject) (api.GetSubscriptionResponseObject, error) {
	v, err := s.Viewer.Subscription(ctx, stateOf(ctx).user, r.Ref)
	if err != nil {
		return nil, err
	}
	return api.GetSubscription200JSONResponse{Body: subscription(v)}, nil
}
