package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
)

// ListHistory lists what happened to the viewer's subscriptions.
func (s *server) ListHistory(ctx context.Context, r api.ListHistoryRequestObject) (api.ListHistoryResponseObject, error) {
	p, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	events, err := s.Viewer.History(ctx, infoOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	events, next := cut(events, p, func(e billing.Event) string { return string(e.ID) })
	return api.ListHistory200JSONResponse{Body: api.EventList{Data: mapped(events, event), NextCursor: next}}, nil
}
