package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const refundID attribute.Key = "billing.refund.id"

// Refunder returns r with a span around each refund and each lookup of a refund. A list of
// refunds has no span.
func (t *Tracer) Refunder(code string, r ports.Refunder) ports.Refunder {
	if t == nil {
		return r
	}
	return refunder{r, code, t.tracer}
}

type refunder struct {
	ports.Refunder
	code   string
	tracer trace.Tracer
}

// Refund implements [ports.Refunder].
func (r refunder) Refund(ctx context.Context, q ports.RefundRequest) (billing.RefundOutcome, error) {
	ctx, end := r.begin(ctx, "refund", q.Key, q.Payment)
	o, err := r.Refunder.Refund(ctx, q)
	end(o, err)
	return o, err
}

// FindRefund implements [ports.Refunder].
func (r refunder) FindRefund(ctx context.Context, q ports.RefundQuery) (billing.RefundOutcome, error) {
	ctx, end := r.begin(ctx, "look up refund", q.Key, q.Payment)
	o, err := r.Refunder.FindRefund(ctx, q)
	end(o, err)
	return o, err
}

func (r refunder) begin(ctx context.Context, name string, id billing.RefundID, payment billing.PaymentID) (context.Context, func(billing.RefundOutcome, error)) {
	ctx, end := beginCall(ctx, r.tracer, name, refundID.String(string(id)), paymentID.String(string(payment)), paymentProvider.String(r.code))
	return ctx, func(o billing.RefundOutcome, err error) { end(ports.RefundOutcomeName(o, err), err) }
}
