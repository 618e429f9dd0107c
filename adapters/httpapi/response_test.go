package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// reporter is a test, a generated one too.
type reporter interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// responseChecker holds answers against the document.
type responseChecker struct {
	doc    *openapi3.T
	router routers.Router
}

// sharedChecker is the one of all tests: reading the document takes its time.
var sharedChecker = sync.OnceValues(func() (*responseChecker, error) {
	doc, err := parseOpenAPI(openapiYAML)
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(doc)
	return &responseChecker{doc, router}, err
})

func newResponseChecker(t *testing.T) *responseChecker {
	t.Helper()
	c, err := sharedChecker()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *responseChecker) check(t reporter, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	c.checkAnswer(t, r.Method+" "+r.URL.Path, w.Code, w.Header(), w.Body.Bytes())
	route, vars, err := c.router.FindRoute(r)
	if err != nil {
		return // not in the document, such as /docs
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: vars, Route: route},
		Status:                 w.Code, Header: w.Header(),
		Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{
			IncludeResponseStatus:   true,
			SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.EnableFormatValidation()},
		},
	})
	if err != nil {
		t.Errorf("%s %s: the answer is not what the document says: %v", r.Method, r.URL.Path, err)
	}
}

// checkAnswer checks what all answers have in common, those to paths that are
// not in the document too.
func (c *responseChecker) checkAnswer(t reporter, to string, status int, h http.Header, body []byte) {
	t.Helper()
	if h.Get("X-Request-Id") == "" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: headers every answer has are missing: %v", to, h)
	}
	if status < 400 {
		return
	}
	var p map[string]any
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%s: %v in %q", to, err, body)
	}
	if err := c.doc.Components.Schemas["Problem"].Value.VisitJSON(p); err != nil {
		t.Errorf("%s: not a problem: %v", to, err)
	}
	if p["request_id"] != h.Get("X-Request-Id") && h.Get("Idempotent-Replayed") == "" {
		t.Errorf("%s: request %s is answered with %v", to, h.Get("X-Request-Id"), p)
	}
	if p["status"] != float64(status) || h.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: answered %d %q with %v", to, status, h.Get("Content-Type"), p)
	}
}

// codeOf returns the code of a problem.
func codeOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var p struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return p.Code
}
