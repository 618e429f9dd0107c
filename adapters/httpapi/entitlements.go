package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
)

// GetEntitlements returns the features of the viewer's live plans.
func (s *server) GetEntitlements(ctx context.Context, _ api.GetEntitlementsRequestObject) (api.GetEntitlementsResponseObject, error) {
	e, err := s.Viewer.Entitlements(ctx, stateOf(ctx).user)
	if err != nil {
		return nil, err
	}
	return api.GetEntitlements200JSONResponse{
		Body: api.Entitlements{Features: nonNil(e.Features), Until: nullTime(e.Until)},
	}, nil
}
