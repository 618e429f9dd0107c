package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/httpapi"
	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/viewers"
)

// authenticate returns a function that verifies a token and returns its owner. It registers
// a viewer, and never a service. The function returns [billing.ErrUnavailable] if the keys
// or the database are unavailable. Any other error refuses the token and says why.
func authenticate(v *auth.Verifier, users *viewers.LastSeen) func(context.Context, string) (httpapi.Caller, error) {
	return func(ctx context.Context, token string) (httpapi.Caller, error) {
		claims, err := v.Verify(ctx, token)
		switch {
		case errors.Is(err, auth.ErrNoKeys):
			return httpapi.Caller{}, fmt.Errorf("%w: %w", billing.ErrUnavailable, err)
		case err != nil:
			return httpapi.Caller{}, err
		case len(claims.Scopes) > 0:
			return httpapi.Caller{Scopes: claims.Scopes}, nil
		}
		id := billing.UserID(auth.UserID(claims.Subject))
		if err := users.Identify(ctx, billing.User{ID: id, Subject: claims.Subject, Display: claims.Display}); err != nil {
			return httpapi.Caller{}, err
		}
		return httpapi.Caller{User: id}, nil
	}
}

// userRef returns the user that a service names by an id or a subject.
func userRef(name string) viewers.UserRef {
	ref := viewers.UserRef{ID: billing.UserID(auth.UserID(name))}
	if !strings.EqualFold(string(ref.ID), name) {
		ref.Subject = name
	}
	return ref
}

// signOffline returns a function that signs offline entitlement tokens.
func signOffline(s *auth.OfflineSigner) func(viewers.Access, time.Time) (string, error) {
	return func(a viewers.Access, expires time.Time) (string, error) {
		return s.Sign(auth.OfflineClaims{
			Subject: cmp.Or(a.Subject, string(a.UserID)), UserID: string(a.UserID), Features: a.Features,
			IssuedAt: a.At, ExpiresAt: expires,
		})
	}
}

// watchKeys exports the status of the auth service's keys.
func watchKeys(m *metrics.Metrics, v *auth.Verifier) {
	m.WatchKeySet(func() metrics.KeySet { return metrics.KeySet(v.KeyStatus(context.Background())) })
}
