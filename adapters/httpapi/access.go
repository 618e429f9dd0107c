package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/viewers"
)

const (
	// offlineMaxAge is the longest validity of an offline token.
	offlineMaxAge = 24 * time.Hour
	// keysMaxAge is for how long caches may keep the keys of offline tokens.
	keysMaxAge = 5 * time.Minute
)

// GetUserEntitlements returns the features that a viewer may use, for a service.
func (s *server) GetUserEntitlements(ctx context.Context, r api.GetUserEntitlementsRequestObject) (api.GetUserEntitlementsResponseObject, error) {
	a, err := s.Viewer.Access(ctx, s.UserRef(r.Id))
	if err != nil {
		return nil, err
	}
	rendered, err := s.access(r.Id, a, r.Params.Token != nil)
	if err != nil {
		return nil, err
	}
	return userEntitlementsResponse{
		Body:    rendered,
		Headers: api.GetUserEntitlements200ResponseHeaders{CacheControl: new("private, max-age=" + strconv.Itoa(rendered.MaxAge))},
	}, nil
}

// userEntitlementsResponse is cached by service, as entitlementsResponse is by viewer.
type userEntitlementsResponse api.GetUserEntitlements200JSONResponse

// VisitGetUserEntitlementsResponse implements [api.GetUserEntitlementsResponseObject].
func (r userEntitlementsResponse) VisitGetUserEntitlementsResponse(w http.ResponseWriter) error {
	w.Header().Add("Vary", "Authorization")
	return api.GetUserEntitlements200JSONResponse(r).VisitGetUserEntitlementsResponse(w)
}

// ListUserEntitlements returns the features that each of several viewers may use.
func (s *server) ListUserEntitlements(ctx context.Context, r api.ListUserEntitlementsRequestObject) (api.ListUserEntitlementsResponseObject, error) {
	names := r.Body.UserIds
	list, err := s.Viewer.AccessOf(ctx, mapSlice(names, s.UserRef)...)
	if err != nil {
		return nil, err
	}
	data := make([]api.UserEntitlements, len(list))
	for i, a := range list {
		if data[i], err = s.access(names[i], a, r.Params.Token != nil); err != nil {
			return nil, err
		}
	}
	return api.ListUserEntitlements200JSONResponse{Body: api.UserEntitlementsList{Data: data}}, nil
}

// access renders what a viewer may use, with an offline token if the service asks for one.
func (s *server) access(name string, a viewers.Access, token bool) (api.UserEntitlements, error) {
	e := api.UserEntitlements{
		UserId: name, Features: nonNil(a.Features), Until: nullTime(a.Until), MaxAge: maxAge(a.Entitlements),
	}
	if !token {
		return e, nil
	}
	if s.SignOffline == nil {
		return e, errOfflineTokensOff
	}
	if a.Until.IsZero() {
		return e, nil
	}
	expires := a.At.Add(offlineMaxAge)
	if a.Until.Before(expires) {
		expires = a.Until
	}
	signed, err := s.SignOffline(a, expires)
	if err == nil {
		e.Token = &signed
	}
	return e, err
}

// ListKeys returns the public keys of offline tokens.
func (s *server) ListKeys(context.Context, api.ListKeysRequestObject) (api.ListKeysResponseObject, error) {
	if s.KeySet == nil {
		return nil, billing.ErrNotFound.WithMessage("this service has no key for offline tokens")
	}
	return keysResponse(s.KeySet), nil
}

// keysResponse is a JWKS.
type keysResponse []byte

// VisitListKeysResponse implements [api.ListKeysResponseObject].
func (r keysResponse) VisitListKeysResponse(w http.ResponseWriter) error {
	h := w.Header()
	h["Content-Type"] = typeJSON
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(keysMaxAge/time.Second)))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(r)
	return err
}
