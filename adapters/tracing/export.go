package tracing

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/time/rate"
)

// warnEvery is the least time between two warnings about lost spans.
const warnEvery = 5 * time.Minute

// exported lists the attributes that may leave the process. Query texts are safe,
// because their values are placeholders.
var exported = map[attribute.Key]bool{
	"http.request.method": true, "http.route": true, "http.response.status_code": true,
	"db.system.name": true, "db.operation.name": true, "db.query.text": true, "db.operation.batch.size": true,
	"pgx.rows_affected": true, "pgx.sql_state": true,
	paymentID: true, paymentProvider: true, paymentOutcome: true, refundID: true, methodID: true,
}

// exporter filters all spans before it sends them.
type exporter struct {
	sdktrace.SpanExporter
	log  *slog.Logger
	warn *rate.Sometimes
}

func newExporter(next sdktrace.SpanExporter, log *slog.Logger) exporter {
	return exporter{next, log, &rate.Sometimes{Interval: warnEvery}}
}

// ExportSpans implements [sdktrace.SpanExporter].
func (e exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	filtered := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		filtered[i] = span{s}
	}
	if err := e.SpanExporter.ExportSpans(ctx, filtered); err != nil {
		e.warn.Do(func() { e.log.Warn("spans were not delivered and are lost", "spans", len(spans), "error", err) })
	}
	return nil
}

// span removes all attributes that are not exported, and the texts of errors, which
// may quote any value. The status code stays.
type span struct{ sdktrace.ReadOnlySpan }

func (s span) Attributes() (kept []attribute.KeyValue) {
	for _, a := range s.ReadOnlySpan.Attributes() {
		if exported[a.Key] {
			kept = append(kept, a)
		}
	}
	return kept
}

func (s span) Events() []sdktrace.Event { return nil }
func (s span) Links() []sdktrace.Link   { return nil }
func (s span) Status() sdktrace.Status  { return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code} }
