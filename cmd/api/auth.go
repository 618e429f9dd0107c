package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/viewers"
)

// authenticate returns a function that verifies a token, registers its viewer and
// returns the viewer's id. The function returns [billing.ErrUnavailable] if the keys
// or the database are unavailable. Any other error refuses the token and says why.
func authenticate(v *auth.Verifier, users *viewers.LastSeen) func(context.Context, string) (billing.UserID, error) {
	return func(ctx context.Context, token string) (billing.UserID, error) {
		claims, err := v.Verify(ctx, token)
		switch {
		case errors.Is(err, auth.ErrNoKeys):
			return "", fmt.Errorf("%w: %w", billing.ErrUnavailable, err)
		case err != nil:
			return "", err
		}
		id := billing.UserID(auth.UserID(claims.Subject))
		if err := users.Identify(ctx, billing.User{ID: id, Subject: claims.Subject, Display: claims.Display}); err != nil {
			return "", err
		}
		return id, nil
	}
}

// watchKeys exports the status of the auth service's keys.
func watchKeys(m *metrics.Metrics, v *auth.Verifier) {
	m.WatchKeySet(func() metrics.KeySet { return metrics.KeySet(v.KeyStatus(context.Background())) })
}
