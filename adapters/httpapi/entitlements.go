package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/viewers"
)

// entitlementsMaxAge is the longest time for which an application may use a response to
// GET /v1/entitlements again. A cancel at once takes effect that late.
const entitlementsMaxAge = time.Minute

// GetEntitlements returns the features of the viewer's live plans.
func (s *server) GetEntitlements(ctx context.Context, _ api.GetEntitlementsRequestObject) (api.GetEntitlementsResponseObject, error) {
	e, err := s.Viewer.Entitlements(ctx, stateOf(ctx).user)
	if err != nil {
		return nil, err
	}
	return entitlementsResponse{
		Body:    api.Entitlements{Features: nonNil(e.Features), Until: nullTime(e.Until)},
		Headers: api.GetEntitlements200ResponseHeaders{CacheControl: new("private, max-age=" + strconv.Itoa(maxAge(e)))},
	}, nil
}

// maxAge returns for how many seconds the entitlements may be used: never beyond their
// end, and not at all without access, because the viewer may get it at any moment.
//
// The seconds are those of the billing clock, from the moment that decided about the
// access. The test clock may stand still or jump, and a cache may then be wrong for a minute.
func maxAge(e viewers.Entitlements) int {
	if e.Until.IsZero() {
		return 0
	}
	return int(min(e.Until.Sub(e.At), entitlementsMaxAge) / time.Second)
}

// entitlementsResponse is cached by viewer: one browser may have the tokens of several.
type entitlementsResponse api.GetEntitlements200JSONResponse

// VisitGetEntitlementsResponse implements [api.GetEntitlementsResponseObject].
func (r entitlementsResponse) VisitGetEntitlementsResponse(w http.ResponseWriter) error {
	w.Header().Add("Vary", "Authorization") // CORS may vary by the origin too
	return api.GetEntitlements200JSONResponse(r).VisitGetEntitlementsResponse(w)
}
