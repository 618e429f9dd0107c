package tracing

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/online-cinema/billing/core/ports"
)

// Canceller returns c with a span around each call.
func (t *Tracer) Canceller(code string, c ports.Canceller) ports.Canceller {
	if t == nil {
		return c
	}
	return canceller{c, code, t.tracer}
}

type canceller struct {
	ports.Canceller
	code   string
	tracer trace.Tracer
}

// Cancel implements [ports.Canceller].
func (c canceller) Cancel(ctx context.Context, q ports.ChargeQuery) error {
	ctx, span := c.tracer.Start(ctx, "cancel payment", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(paymentID.String(string(q.Key)), paymentProvider.String(c.code)))
	defer span.End()
	err := c.Canceller.Cancel(ctx, q)
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	return err
}
