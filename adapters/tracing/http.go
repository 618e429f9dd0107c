package tracing

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Handler returns h with a span around each request, named after its method and
// the route that h leaves in the request's Pattern. A trace that one of these
// proxies began goes on; anybody else could have us trace everything.
func (t *Tracer) Handler(h http.Handler, proxies []netip.Prefix) http.Handler {
	if t == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if trusted(r.RemoteAddr, proxies) {
			ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		}
		ctx, span := t.tracer.Start(ctx, "HTTP", trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		r = r.WithContext(ctx)
		seen := &statusWriter{w, http.StatusOK, false}
		h.ServeHTTP(seen, r)
		span.SetAttributes(attribute.Int("http.response.status_code", seen.status))
		if _, path, routed := strings.Cut(r.Pattern, "/"); routed && slices.Contains(methods, r.Method) {
			span.SetName(r.Method + " /" + path)
			span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", "/"+path))
		}
		if seen.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	})
}

var methods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut,
}

func trusted(remote string, proxies []netip.Prefix) bool {
	peer, err := netip.ParseAddrPort(remote)
	return err == nil && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) })
}

// statusWriter remembers the status that was sent.
type statusWriter struct {
	http.ResponseWriter

	status int
	sent   bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.sent {
		w.status, w.sent = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the server's own writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
