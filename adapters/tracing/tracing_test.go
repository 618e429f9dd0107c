package tracing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// inMemory returns a tracer, and its spans as a collector receives them.
func inMemory(t *testing.T) (*Tracer, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(newExporter(spans, slog.New(slog.DiscardHandler))))
	return &Tracer{p, p.Tracer("test")}, spans
}

// onlySpan returns the only span, and fails the test if there is another number.
func onlySpan(t *testing.T, exporter *tracetest.InMemoryExporter) tracetest.SpanStub {
	t.Helper()
	spans := exporter.GetSpans()
	if len(spans) != 1 {
		t.Fatalf("%d spans, want 1", len(spans))
	}
	return spans[0]
}

func attributes(s tracetest.SpanStub) map[string]string {
	m := map[string]string{}
	for _, a := range s.Attributes {
		m[string(a.Key)] = a.Value.String()
	}
	return m
}

func TestTracer_Nil(t *testing.T) {
	t.Parallel()
	var off *Tracer
	defer off.Stop()
	h := http.NotFoundHandler()
	if got := off.Handler(h, nil); reflect.ValueOf(got).Pointer() != reflect.ValueOf(h).Pointer() {
		t.Error("the handler is wrapped")
	}
	p := &fakeProvider{}
	if got := off.Provider("bank", p); got != ports.Provider(p) {
		t.Error("the payment system is wrapped")
	}
	if got := off.Store(nil); got != nil {
		t.Error("the store is wrapped")
	}
	c, err := pgxpool.ParseConfig("postgres://localhost/billing")
	if err != nil {
		t.Fatal(err)
	}
	if off.Pool(c); c.ConnConfig.Tracer != nil {
		t.Error("queries are traced")
	}
}

// The number of kept traces per second does not depend on the number of new ones.
func TestLimited_TracesPerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spans := tracetest.NewInMemoryExporter()
		p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans),
			sdktrace.WithSampler(sdktrace.ParentBased(limited{rate.NewLimiter(tracesPerSecond, tracesPerSecond)})))
		for second := 1; second <= 3; second++ {
			for range 1000 {
				ctx, root := p.Tracer("").Start(t.Context(), "root")
				_, child := p.Tracer("").Start(ctx, "child")
				child.End()
				root.End()
			}
			if n := len(spans.GetSpans()); n != 2*second*tracesPerSecond {
				t.Errorf("%d spans after %d seconds, want %d complete traces per second", n, second, tracesPerSecond)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestExporter_FiltersSpans(t *testing.T) {
	t.Parallel()
	tracer, exported := inMemory(t)
	_, span := tracer.tracer.Start(t.Context(), "query", trace.WithLinks(trace.Link{SpanContext: trace.NewSpanContext(
		trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})}))
	span.SetAttributes(attribute.String("client.address", "203.0.113.7"), attribute.String("url.query", "token=secret"),
		attribute.String("db.query.text", "SELECT $1"))
	span.RecordError(errors.New("user 42 is unknown"))
	span.SetStatus(codes.Error, "user 42 is unknown")
	span.End()
	got := onlySpan(t, exported)
	if diff := cmp.Diff(map[string]string{"db.query.text": "SELECT $1"}, attributes(got)); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if len(got.Events)+len(got.Links) > 0 || got.Status != (sdktrace.Status{Code: codes.Error}) {
		t.Errorf("exported events %v, links %v and status %+v, want the status code only", got.Events, got.Links, got.Status)
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	tests := map[string]struct {
		method, pattern, from string
		status                int
		name                  string
		joined                bool
		failed                bool
	}{
		"route of gorilla":      {"GET", "/v1/subscriptions/{ref}", "203.0.113.7:5", 200, "GET /v1/subscriptions/{ref}", false, false},
		"pattern of net/http":   {"POST", "POST /admin/logout", "203.0.113.7:5", 303, "POST /admin/logout", false, false},
		"no route":              {"GET", "", "203.0.113.7:5", 404, "HTTP", false, false},
		"unknown method":        {"4242424242424242", "/", "203.0.113.7:5", 404, "HTTP", false, false},
		"server error":          {"GET", "/v1/plans", "203.0.113.7:5", 503, "GET /v1/plans", false, true},
		"from a proxy":          {"GET", "/v1/plans", "10.1.2.3:5", 200, "GET /v1/plans", true, false},
		"from a proxy, as IPv6": {"GET", "/v1/plans", "[::ffff:10.1.2.3]:5", 200, "GET /v1/plans", true, false},
		"no client address":     {"GET", "/v1/plans", "@", 200, "GET /v1/plans", false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, exported := inMemory(t)
			h := tracer.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Pattern = test.pattern
				w.WriteHeader(test.status)
			}), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
			r := httptest.NewRequestWithContext(t.Context(), test.method, "/v1/x?token=secret", nil)
			r.RemoteAddr = test.from
			r.Header.Set("Traceparent", traceparent)
			h.ServeHTTP(httptest.NewRecorder(), r)
			got := onlySpan(t, exported)
			if got.Name != test.name || (got.Status.Code == codes.Error) != test.failed {
				t.Errorf("the span is %q, %v, want %q, failed %t", got.Name, got.Status, test.name, test.failed)
			}
			if joined := strings.Contains(traceparent, got.SpanContext.TraceID().String()); joined != test.joined {
				t.Errorf("the span continues the client's trace: %t, want %t", joined, test.joined)
			}
			if status := attributes(got)["http.response.status_code"]; status == "" {
				t.Error("the span has no status code")
			}
		})
	}
}

// fakeProvider returns a fixed outcome and error.
type fakeProvider struct {
	outcome billing.Outcome
	err     error
}

func (p *fakeProvider) Charge(context.Context, ports.ChargeRequest) (billing.Outcome, error) {
	return p.outcome, p.err
}

func (p *fakeProvider) Capabilities() ports.Capabilities {
	return ports.Capabilities{Accepts: []ports.Means{ports.ByToken}}
}

func (p *fakeProvider) Find(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
	return p.outcome, p.err
}

func TestProvider(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fake    fakeProvider
		outcome string
		failed  bool
	}{
		"succeeded":     {fakeProvider{outcome: billing.Outcome{Status: billing.PaymentSucceeded}}, "succeeded", false},
		"declined":      {fakeProvider{outcome: billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.CardExpired}}, "declined", false},
		"response lost": {fakeProvider{err: errors.New("reset by 203.0.113.7")}, "unknown", true},
		"credentials":   {fakeProvider{err: ports.ErrCredentials}, "credentials", true},
		"not found":     {fakeProvider{err: ports.ErrChargeNotFound}, "not_found", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, exported := inMemory(t)
			p := tracer.Provider("bank", &test.fake)
			request := ports.ChargeRequest{Key: "p1", Token: billing.NewSecret("tok_secret")}
			if o, err := p.Charge(t.Context(), request); o != test.fake.outcome || !errors.Is(err, test.fake.err) {
				t.Errorf("Charge = %v, %v, want the provider's result", o, err)
			}
			if o, err := p.Find(t.Context(), ports.ChargeQuery{Key: "p1"}); o != test.fake.outcome || !errors.Is(err, test.fake.err) {
				t.Errorf("Find = %v, %v, want the provider's result", o, err)
			}
			var names []string
			for _, s := range exported.GetSpans() {
				names = append(names, s.Name)
				want := map[string]string{
					"billing.payment.id": "p1", "billing.payment.provider": "bank", "billing.payment.outcome": test.outcome,
				}
				if diff := cmp.Diff(want, attributes(s)); diff != "" || (s.Status.Code == codes.Error) != test.failed {
					t.Errorf("%s: %v, attributes (-want +got):\n%s", s.Name, s.Status, diff)
				}
			}
			if !slices.Equal(names, []string{"charge", "look up"}) {
				t.Errorf("the spans are %q, want charge and look up", names)
			}
		})
	}
}

func TestQueryName(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"-- name: PaymentsAdd :exec\nINSERT INTO payments": "PaymentsAdd", "begin": "begin", "  SELECT 1": "SELECT", "": "query",
	} {
		if got := queryName(sql); got != want {
			t.Errorf("queryName(%q) = %q, want %q", sql, got, want)
		}
	}
}

// Repeated errors of the collector are logged once per interval.
func TestExporter_WarnsOnce(t *testing.T) {
	t.Parallel()
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer collector.Close()
	var log bytes.Buffer
	tracer, err := New(t.Context(), Config{
		Program: "test", Endpoint: collector.URL, SamplerGiven: true, Log: slog.New(slog.NewJSONHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, span := tracer.tracer.Start(t.Context(), "one")
		span.End()
		if err := tracer.provider.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	tracer.Stop()
	if n := strings.Count(log.String(), "spans were not delivered"); n != 1 {
		t.Errorf("%d warnings, want one: %s", n, log.String())
	}
}

// hangingExporter is a collector that never responds.
type hangingExporter struct{ sdktrace.SpanExporter }

func (hangingExporter) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestStop_Timeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(newExporter(hangingExporter{tracetest.NewInMemoryExporter()}, slog.New(slog.DiscardHandler))))
		tracer := &Tracer{p, p.Tracer("test")}
		_, span := tracer.tracer.Start(t.Context(), "one")
		span.End()
		begin := time.Now()
		tracer.Stop()
		if took := time.Since(begin); took != stopTimeout {
			t.Errorf("Stop took %v, want %v", took, stopTimeout)
		}
		time.Sleep(time.Minute) // the SDK gives up too
	})
}
