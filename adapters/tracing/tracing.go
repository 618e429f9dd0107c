// Package tracing sends spans of requests, charges and transactions to an
// OpenTelemetry collector.
//
//	HTTP ─ Tracer.Handler ──────┐
//	payment system ─ .Provider ─┼─► span ─► allow-list ─► OTLP over HTTP
//	Postgres ─ .Pool, .Store ───┘
//
// Only the attributes of a short list leave the process (export.go): no id of a
// viewer, no token, no address, no query parameter. An attribute that a new version
// of a library adds does not leave either.
//
// Not here: the configuration of tracing (cmd/internal/boot).
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

// Tracer makes spans. A nil Tracer makes none and costs nothing: its methods return
// their arguments unchanged.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Config configures a [Tracer].
type Config struct {
	Program, Version string
	// Endpoint is the full URL of the collector. The OpenTelemetry SDK reads headers,
	// certificates, limits and all other settings from the OTEL_ variables.
	Endpoint string
	// SamplerGiven leaves sampling to OTEL_TRACES_SAMPLER. Otherwise
	// [tracesPerSecond] traces are kept per second.
	SamplerGiven bool
	Log          *slog.Logger
}

// tracesPerSecond limits new traces, also in a run of a million charges or under a
// flood of requests.
const tracesPerSecond = 10

// stopTimeout limits the delivery of the last spans.
const stopTimeout = 5 * time.Second

// New returns a tracer, which the caller must stop. New does not connect to the
// collector. While the collector is unavailable, spans are dropped, and the log gets a
// warning every five minutes.
func New(ctx context.Context, c Config) (*Tracer, error) {
	// The environment comes last, so that OTEL_SERVICE_NAME overrides the default.
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", c.Program), attribute.String("service.version", c.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	otlp, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(res), sdktrace.WithBatcher(newExporter(otlp, c.Log))}
	if !c.SamplerGiven {
		options = append(options, sdktrace.WithSampler(sdktrace.ParentBased(
			limited{rate.NewLimiter(tracesPerSecond, tracesPerSecond)})))
	}
	p := sdktrace.NewTracerProvider(options...)
	return &Tracer{p, p.Tracer("github.com/online-cinema/billing")}, nil
}

// Stop sends the remaining spans. It takes at most five seconds.
func (t *Tracer) Stop() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the exporter logs its errors
}

// limited is a sampler with a rate limit.
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

// Pool configures a pool to trace its queries. A query gets a span only inside a trace
// that has already begun.
func (t *Tracer) Pool(c *pgxpool.Config) {
	if t == nil {
		return
	}
	c.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(t.provider),
		otelpgx.WithSpanNameFunc(queryName), otelpgx.WithDisableConnectionDetailsInAttributes())
}

// queryName returns the name that sqlc wrote in front of the query, or its first word.
func queryName(sql string) string {
	words := strings.Fields(strings.TrimPrefix(sql, "-- name:"))
	if len(words) == 0 {
		return "query"
	}
	return words[0]
}
