package httpapi

import (
	"context"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
)

// GetEntitlements says what the viewer may use now.
func (s *server) GetEntitlements(ctx context.Context, _ api.GetEntitlementsRequestObject) (api.GetEntitlementsResponseObject, error) {
	e, err := s.Viewer.Entitlements(ctx, infoOf(ctx).user)
	if err != nil {
		return nil, err
	}
	return api.GetEntitlements200JSONResponse{
		Body: api.Entitlements{Features: list(e.Features), Until: moment(e.Until)},
	}, nil
}
