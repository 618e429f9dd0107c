package httpapi

import (
	"context"
	"log/slog"

	"github.com/gorilla/mux"

	"github.com/online-cinema/billing/core/billing"
)

// info is what the layers of one request tell each other, and the context that
// it travels in. The outermost makes it, the inner ones fill it in.
type info struct {
	context.Context // of the server

	requestID string
	route     string // template of the matched route
	user      billing.UserID
	ref       string // of the path
	key       string // Idempotency-Key; empty when there is none
	seen      statusWriter
	match     mux.RouteMatch
}

type infoKey struct{}

// Value implements [context.Context].
func (i *info) Value(key any) any {
	if key == (infoKey{}) {
		return i
	}
	return i.Context.Value(key)
}

// LogHandler adds to each line the id of the request that its context is of.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := infoOf(ctx).requestID; id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

// infoOf returns the request's info; an empty one outside a request.
func infoOf(ctx context.Context) *info {
	if i, ok := ctx.Value(infoKey{}).(*info); ok {
		return i
	}
	return &info{}
}
