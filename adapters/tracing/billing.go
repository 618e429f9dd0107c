package tracing

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const (
	paymentID       attribute.Key = "billing.payment.id"
	paymentProvider attribute.Key = "billing.payment.provider"
	paymentOutcome  attribute.Key = "billing.payment.outcome"
)

// Provider returns p with a span around each call. Each charge of a renewal run begins
// its own trace: a trace of the whole run would be too large.
func (t *Tracer) Provider(code string, p ports.Provider) ports.Provider {
	if t == nil {
		return p
	}
	return provider{p, code, t.tracer}
}

type provider struct {
	ports.Provider
	code   string
	tracer trace.Tracer
}

// Charge implements [ports.Provider].
func (p provider) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	ctx, end := p.begin(ctx, "charge", r.Key)
	o, err := p.Provider.Charge(ctx, r)
	end(o, err)
	return o, err
}

// Find implements [ports.Provider].
func (p provider) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	ctx, end := p.begin(ctx, "look up", q.Key)
	o, err := p.Provider.Find(ctx, q)
	end(o, err)
	return o, err
}

func (p provider) begin(ctx context.Context, name string, id billing.PaymentID) (context.Context, func(billing.Outcome, error)) {
	ctx, end := beginCall(ctx, p.tracer, name, paymentID.String(string(id)), paymentProvider.String(p.code))
	return ctx, func(o billing.Outcome, err error) { end(ports.OutcomeName(o, err), err) }
}

// beginCall begins the span of a call of a payment system. end takes the name of the
// outcome. An absence is a valid response, and no error of the span.
func beginCall(ctx context.Context, t trace.Tracer, name string, attributes ...attribute.KeyValue) (_ context.Context, end func(outcome string, err error)) {
	ctx, span := t.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	return ctx, func(outcome string, err error) {
		span.SetAttributes(paymentOutcome.String(outcome))
		absent := errors.Is(err, ports.ErrChargeNotFound) || errors.Is(err, ports.ErrRefundNotFound) || errors.Is(err, ports.ErrSaveNotFound)
		if err != nil && !absent {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Store returns s with a span around each transaction, for programs without HTTP
// requests.
func (t *Tracer) Store(s ports.Store) ports.Store {
	if t == nil {
		return s
	}
	return store{s, t.tracer}
}

type store struct {
	ports.Store
	tracer trace.Tracer
}

// InTx implements [ports.Store].
func (s store) InTx(ctx context.Context, f func(ports.Repos) error) error {
	ctx, span := s.tracer.Start(ctx, "transaction")
	defer span.End()
	err := s.Store.InTx(ctx, f)
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	return err
}
