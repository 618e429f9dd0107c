package httpapi

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// info is what the layers of one request tell each other. The outermost makes
// it, the inner ones fill it in.
type info struct {
	requestID string
	route     string // template of the matched route
	user      billing.UserID
	ref       string // of the path
	key       string // Idempotency-Key; empty when there is none
}

type infoKey struct{}

func withInfo(ctx context.Context, i *info) context.Context {
	return context.WithValue(ctx, infoKey{}, i)
}

// infoOf returns the request's info; an empty one outside a request.
func infoOf(ctx context.Context) *info {
	if i, ok := ctx.Value(infoKey{}).(*info); ok {
		return i
	}
	return &info{}
}
