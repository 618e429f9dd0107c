package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const methodID attribute.Key = "billing.payment_method.id"

// Saver returns s with a span around each call.
func (t *Tracer) Saver(code string, s ports.Saver) ports.Saver {
	if t == nil {
		return s
	}
	return saver{s, code, t.tracer}
}

type saver struct {
	ports.Saver
	code   string
	tracer trace.Tracer
}

// Save implements [ports.Saver].
func (s saver) Save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	ctx, end := s.begin(ctx, "save payment method", r.Key)
	o, err := s.Saver.Save(ctx, r)
	end(o, err)
	return o, err
}

// FindSave implements [ports.Saver].
func (s saver) FindSave(ctx context.Context, q ports.SaveQuery) (billing.SaveOutcome, error) {
	ctx, end := s.begin(ctx, "look up saved payment method", q.Key)
	o, err := s.Saver.FindSave(ctx, q)
	end(o, err)
	return o, err
}

func (s saver) begin(ctx context.Context, name string, id billing.PaymentMethodID) (context.Context, func(billing.SaveOutcome, error)) {
	ctx, end := beginCall(ctx, s.tracer, name, methodID.String(string(id)), paymentProvider.String(s.code))
	return ctx, func(o billing.SaveOutcome, err error) { end(ports.SaveOutcomeName(o, err), err) }
}

// Forgetter returns f with a span around each call.
func (t *Tracer) Forgetter(code string, f ports.Forgetter) ports.Forgetter {
	if t == nil {
		return f
	}
	return forgetter{f, code, t.tracer}
}

type forgetter struct {
	ports.Forgetter
	code   string
	tracer trace.Tracer
}

// Forget implements [ports.Forgetter]. The span does not have the token.
func (f forgetter) Forget(ctx context.Context, token billing.Secret) error {
	ctx, span := f.tracer.Start(ctx, "forget payment method", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(paymentProvider.String(f.code)))
	defer span.End()
	err := f.Forgetter.Forget(ctx, token)
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	return err
}
