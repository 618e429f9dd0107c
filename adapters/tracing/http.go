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

	"github.com/online-cinema/billing/adapters/internal/statuswriter"
)

// Handler returns h with a span around each request. The span is named after the
// method and the route, which h stores in the request's Pattern. A request from one
// of proxies continues its trace. Trace headers of other clients are ignored, because
// they could turn tracing on for every request.
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
		sw := statuswriter.New(w)
		h.ServeHTTP(&sw, r)
		span.SetAttributes(attribute.Int("http.response.status_code", sw.Status()))
		if _, path, routed := strings.Cut(r.Pattern, "/"); routed && slices.Contains(methods, r.Method) {
			span.SetName(r.Method + " /" + path)
			span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", "/"+path))
		}
		if sw.Status() >= http.StatusInternalServerError {
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
