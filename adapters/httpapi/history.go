package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
)

// ListHistory returns a page of the viewer's events, newest first.
func (s *server) ListHistory(ctx context.Context, r api.ListHistoryRequestObject) (api.ListHistoryResponseObject, error) {
	p, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	events, err := s.Viewer.History(ctx, stateOf(ctx).user, p)
	if err != nil {
		return nil, err
	}
	events, next := trimPage(events, p, func(e billing.Event) string { return string(e.ID) })
	return api.ListHistory200JSONResponse{Body: api.EventList{Data: mapSlice(events, event), NextCursor: next}}, nil
}
