package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector receives spans like an OpenTelemetry collector.
type collector struct {
	url string

	mu     sync.Mutex
	raw    []byte
	spans  []*tracepb.Span
	names  map[string]bool // names of the programs that sent spans
	errors []error
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{names: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collectorpb.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil || r.URL.Path != "/v1/traces" {
			c.errors = append(c.errors, err)
			return
		}
		c.raw = append(c.raw, body...)
		for _, resource := range request.ResourceSpans {
			for _, a := range resource.Resource.Attributes {
				if a.Key == "service.name" {
					c.names[a.Value.GetStringValue()] = true
				}
			}
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(server.Close)
	c.url = "OTEL_EXPORTER_OTLP_ENDPOINT=" + server.URL
	return c
}

// bytes returns the requests with spans, as they arrived.
func (c *collector) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.raw)
}

// trace returns the spans of the first trace whose root has this name.
func (c *collector) trace(t *testing.T, root string) (spans []*tracepb.Span) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.spans {
		if r.Name != root || len(r.ParentSpanId) > 0 {
			continue
		}
		for _, s := range c.spans {
			if bytes.Equal(s.TraceId, r.TraceId) {
				spans = append(spans, s)
			}
		}
		return spans
	}
	t.Fatalf("no trace with root %q: %v", root, c.spans)
	return nil
}

func spansNamed(spans []*tracepb.Span, name string) (found []*tracepb.Span) {
	for _, s := range spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

func attribute(s *tracepb.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// A request has one trace, a run has many. No trace has data of viewers.
func TestTraces_RequestsAndRuns(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	w := newWorld(t, append([]string{c.url}, onTestClock...)...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	v := a.at(w.viewer(t, "alice-canary"))
	card := v.call(t, http.MethodPost, "/v1/cards", "", canaryBody()).body.ID
	paid := v.call(t, http.MethodPost, "/v1/subscriptions", "", cardPaymentBody(card, canaryCVV))
	if paid.status != http.StatusCreated {
		t.Fatalf("subscribe: %d %s", paid.status, paid.text)
	}
	other := a.at(w.viewer(t, "bob-canary"))
	if got := other.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok~canary")); got.status != http.StatusCreated {
		t.Fatalf("subscribe: %d %s", got.status, got.text)
	}
	other.get(t, "/v1/history?limit=7")
	var users, payment string
	w.scan(t, "SELECT string_agg(user_id::text, ' ') FROM payments", &users)
	w.scan(t, "SELECT p.id::text FROM payments p JOIN payment_methods m ON m.id = p.payment_method_id WHERE m.card_id IS NOT NULL", &payment)
	a.signal(t, syscall.SIGTERM)
	a.wait(t)

	subscribe := c.trace(t, "POST /v1/subscriptions")
	charges := spansNamed(subscribe, "charge")
	if len(charges) != 1 || attribute(charges[0], "billing.payment.id") != payment ||
		attribute(charges[0], "billing.payment.provider") != "simulator" || attribute(charges[0], "billing.payment.outcome") != "succeeded" {
		t.Errorf("no span of the charge of %s in %v", payment, subscribe)
	}
	intent := spansNamed(subscribe, "PaymentsAdd")
	if len(intent) != 1 || !strings.Contains(attribute(intent[0], "db.query.text"), "INSERT INTO payments") {
		t.Errorf("no span of the intent in %v", subscribe)
	}

	w.clock(t, "set", "2026-02-28T12:00:00Z")
	if code, sum := w.runRenewals(t); code != 0 || sum.Renewed != 2 {
		t.Fatalf("the run exited with %d, %+v", code, sum)
	}
	if run := c.trace(t, "transaction"); len(run) < 2 {
		t.Errorf("a transaction of the run has no span of a query: %v", run)
	}
	if charge := c.trace(t, "charge"); len(charge) != 1 || attribute(charge[0], "billing.payment.outcome") != "succeeded" {
		t.Errorf("a charge of the run has no trace of its own: %v", charge)
	}

	w.openPanel(t, c.url)
	c.trace(t, "GET /admin/login")

	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range []string{"billing-api", "billing-renew", "billing-admin"} {
		if !c.names[name] {
			t.Errorf("%s sent no spans", name)
		}
	}
	if len(c.errors) > 0 {
		t.Errorf("invalid requests: %v", c.errors)
	}
	secrets := append(strings.Fields(users), "canary", v.token, card, "tok_", "limit=7", "127.0.0.1", w.databaseURL, "Go-http-client")
	for _, secret := range secrets {
		if bytes.Contains(c.raw, []byte(secret)) {
			t.Errorf("the traces contain %s", secret)
		}
	}
	if found := leaks(c.raw); len(found) > 0 {
		t.Errorf("the traces contain %v", found)
	}
}

// openPanel starts the panel, opens its login page, and stops it.
func (w world) openPanel(t *testing.T, vars ...string) {
	t.Helper()
	cmd := exec.Command(program(t, "billing-admin"))
	cmd.Env = append(append(environ("BILLING_ENV=test", "BILLING_DATABASE_URL="+w.databaseURL, "BILLING_ADMIN_ADDR=127.0.0.1:0",
		"BILLING_OPS_ADDR=127.0.0.1:0"), w.vars...), vars...)
	p := start(t, cmd)
	var up struct {
		Msg  string
		Addr string `json:"admin_addr"`
	}
	p.line(t, "address of the panel", func(line string) bool {
		return json.Unmarshal([]byte(line), &up) == nil && up.Msg == "billing-admin is up"
	})
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+up.Addr+"/admin/login?next=%2Fadmin%3Fcanary", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
}
