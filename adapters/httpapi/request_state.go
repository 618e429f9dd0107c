package httpapi

import (
	"context"
	"log/slog"

	"github.com/gorilla/mux"

	"github.com/online-cinema/billing/adapters/internal/statuswriter"
	"github.com/online-cinema/billing/core/billing"
)

// requestState holds the facts about one request that its middleware and its
// handler share. It is also the request's context, which saves an allocation.
// The outermost middleware creates it; the inner ones fill it in.
type requestState struct {
	context.Context // of the server

	requestID string
	route     string // template of the matched route; empty if none matched
	user      billing.UserID
	ref       string // from the path
	key       string // Idempotency-Key; empty if the request has none
	writer    statuswriter.Writer
	match     mux.RouteMatch
}

type stateKey struct{}

// Value implements [context.Context].
func (s *requestState) Value(key any) any {
	if key == (stateKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// stateOf returns the state of the request, or an empty one outside a request.
func stateOf(ctx context.Context) *requestState {
	if s, ok := ctx.Value(stateKey{}).(*requestState); ok {
		return s
	}
	return &requestState{}
}

// LogHandler adds the request's id to each record whose context belongs to a
// request.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := stateOf(ctx).requestID; id != "" {
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
