package tracing

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/time/rate"
)

// remindEvery is how often the log says that spans cannot be delivered.
const remindEvery = 5 * time.Minute

// harmless are the attributes that may leave. Texts of queries are ours and have
// placeholders where values go.
var harmless = map[attribute.Key]bool{
	"http.request.method": true, "http.route": true, "http.response.status_code": true,
	"db.system.name": true, "db.operation.name": true, "db.query.text": true, "db.operation.batch.size": true,
	"pgx.rows_affected": true, "pgx.sql_state": true,
	paymentID: true, paymentProvider: true, paymentOutcome: true,
}

// exporter is the only way out.
type exporter struct {
	sdktrace.SpanExporter
	log    *slog.Logger
	remind *rate.Sometimes
}

func newExporter(next sdktrace.SpanExporter, log *slog.Logger) exporter {
	return exporter{next, log, &rate.Sometimes{Interval: remindEvery}}
}

// ExportSpans implements [sdktrace.SpanExporter].
func (e exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	clean := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		clean[i] = span{s}
	}
	if err := e.SpanExporter.ExportSpans(ctx, clean); err != nil {
		e.remind.Do(func() { e.log.Warn("spans were not delivered, and are lost", "spans", len(spans), "error", err) })
	}
	return nil
}

// span shows of a span what is harmless. Errors have texts, which may quote
// anything, so that only their being there is told.
type span struct{ sdktrace.ReadOnlySpan }

func (s span) Attributes() (kept []attribute.KeyValue) {
	for _, a := range s.ReadOnlySpan.Attributes() {
		if harmless[a.Key] {
			kept = append(kept, a)
		}
	}
	return kept
}

func (s span) Events() []sdktrace.Event { return nil }
func (s span) Links() []sdktrace.Link   { return nil }
func (s span) Status() sdktrace.Status  { return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code} }
