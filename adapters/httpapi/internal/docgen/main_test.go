package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// The document and the page that the service embeds.
const (
	documentFile = "../../openapi.yaml"
	pageFile     = "../../docs.html"
)

func mustLoad(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := load(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestRun_PageIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "docs.html")
	if err := run(documentFile, target); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(target) //nolint:gosec // a file of this test
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("adapters/httpapi/docs.html is out of date; run make generate")
	}
}

func TestRun_InvalidDocument(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "openapi.yaml")
	if err := os.WriteFile(source, []byte("openapi: 3.0.3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "docs.html")
	if err := run(source, target); err == nil {
		t.Error("run accepted a document without paths")
	}
	if _, err := os.Stat(target); !os.IsNotExist(err) {
		t.Errorf("run wrote a page for an invalid document: %v", err)
	}
}

func TestRender_Deterministic(t *testing.T) {
	t.Parallel()
	first, err := render(mustLoad(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		next, err := render(mustLoad(t))
		if err != nil || !bytes.Equal(first, next) {
			t.Fatalf("rendering the same document twice gives different pages (error: %v)", err)
		}
	}
}

func TestExample_MembersInSchemaOrder(t *testing.T) {
	t.Parallel()
	s := mustLoad(t).Components.Schemas["SubscribeRequest"].Value
	e := example{s, exampleOf(s)}
	line := `{"plan_code": "premium", "price": {"amount": 39900, "currency": "RUB"}, "interval_months": 1, ` +
		`"payment_system": "simulator", "payment_token": "tok_ok", "terms_version": "2026-03"}`
	if got := e.line(); got != line {
		t.Errorf("got  %s\nwant %s", got, line)
	}
	indented := `{
  "plan_code": "premium",
  "price": {"amount": 39900, "currency": "RUB"},
  "interval_months": 1,
  "payment_system": "simulator",
  "payment_token": "tok_ok",
  "terms_version": "2026-03"
}`
	if got := e.indented(); got != indented {
		t.Errorf("got  %s\nwant %s", got, indented)
	}
}

func TestCurl(t *testing.T) {
	t.Parallel()
	doc := mustLoad(t)
	const path = "/v1/subscriptions/{ref}/cancel"
	want := `curl -X POST "$API/v1/subscriptions/premium/cancel" \
  -H "Authorization: Bearer $TOKEN" \
  -H "Idempotency-Key: cancelSubscription-$(date +%s)" \
  -H "Content-Type: application/json" \
  -d '{"at": "period_end"}'`
	if got := curl("POST", path, doc.Paths.Value(path).Post); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := curl("GET", "/v1/plans", doc.Paths.Value("/v1/plans").Get); got != `curl "$API/v1/plans"` {
		t.Errorf("got %s", got)
	}
}

func TestNewPage_ExamplesAreJSON(t *testing.T) {
	t.Parallel()
	for _, s := range newPage(mustLoad(t)).Schemas {
		if s.Example != "" && !json.Valid([]byte(s.Example)) {
			t.Errorf("the example of %s is not JSON: %s", s.Name, s.Example)
		}
	}
}
