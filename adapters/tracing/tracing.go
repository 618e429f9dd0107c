// Package tracing tells an OpenTelemetry collector what a request, a charge or a
// transaction spent its time on.
//
//	HTTP ─ Tracer.Handler ──────┐
//	payment system ─ .Provider ─┼─► span ─► allow-list ─► OTLP over HTTP
//	Postgres ─ .Pool, .Store ───┘
//
// Only attributes of a short list leave the process (export.go): no id of a
// viewer, no token, no address, no parameter of a query. What libraries add with
// their next version stays here too.
//
// Not here: whether there are traces, and where they go (cmd/internal/boot).
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

// Tracer makes spans. A nil Tracer makes none, and costs nothing: what it is
// given it returns as it is.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Config says who traces, and whereto.
type Config struct {
	Program, Version string
	// Endpoint is the whole URL that spans are posted to. Headers, certificates,
	// limits and all else the OpenTelemetry SDK takes from the OTEL_ variables of
	// the process.
	Endpoint string
	// SamplerGiven is for a process whose OTEL_TRACES_SAMPLER says which traces
	// are kept. Else it is [tracesPerSecond] of them.
	SamplerGiven bool
	Log          *slog.Logger
}

// tracesPerSecond bounds what is traced, so that neither a run that charges a
// million nor a flood of requests becomes as many traces.
const tracesPerSecond = 10

// stopTimeout is how long the last spans may take on their way out.
const stopTimeout = 5 * time.Second

// New returns a tracer, to be stopped in the end. It connects to nobody yet:
// while the collector is out of reach spans are dropped, and now and then the log
// says so.
func New(ctx context.Context, c Config) (*Tracer, error) {
	// The environment comes last: OTEL_SERVICE_NAME is the operator's word.
	who, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", c.Program), attribute.String("service.version", c.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	otlp, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(who), sdktrace.WithBatcher(newExporter(otlp, c.Log))}
	if !c.SamplerGiven {
		options = append(options, sdktrace.WithSampler(sdktrace.ParentBased(
			limited{rate.NewLimiter(tracesPerSecond, tracesPerSecond)})))
	}
	p := sdktrace.NewTracerProvider(options...)
	return &Tracer{p, p.Tracer("github.com/online-cinema/billing")}, nil
}

// Stop sends what is left, for five seconds at most.
func (t *Tracer) Stop() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the exporter has logged what is wrong
}

// limited keeps so many traces a second.
type limited struct{ *rate.Limiter }

// ShouldSample implements [sdktrace.Sampler].
func (l limited) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	result := sdktrace.SamplingResult{Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
	if l.Allow() {
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

// Description implements [sdktrace.Sampler].
func (l limited) Description() string { return fmt.Sprintf("limited to %v a second", l.Limit()) }

// Pool has the queries of a pool that is about to be made traced, within traces
// that others began.
func (t *Tracer) Pool(c *pgxpool.Config) {
	if t == nil {
		return
	}
	c.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(t.provider),
		otelpgx.WithSpanNameFunc(queryName), otelpgx.WithDisableConnectionDetailsInAttributes())
}

// queryName is a query's own name, which sqlc writes in front of it, or its
// first word.
func queryName(sql string) string {
	words := strings.Fields(strings.TrimPrefix(sql, "-- name:"))
	if len(words) == 0 {
		return "query"
	}
	return words[0]
}
