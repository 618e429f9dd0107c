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

// reporter is the part of [testing.T] that rapid.T has too.
type reporter interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// responseChecker validates responses against the OpenAPI document.
type responseChecker struct {
	doc    *openapi3.T
	router routers.Router
}

// sharedChecker is shared by all tests, because parsing the document is slow.
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
	c.checkCommon(t, r.Method+" "+r.URL.Path, w.Code, w.Header(), w.Body.Bytes())
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
		t.Errorf("%s %s: the response violates the document: %v", r.Method, r.URL.Path, err)
	}
}

// checkCommon checks the headers and the problem document that all responses have
// in common, including those to paths that are not in the document.
func (c *responseChecker) checkCommon(t reporter, request string, status int, h http.Header, body []byte) {
	t.Helper()
	if h.Get("X-Request-Id") == "" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: X-Request-Id or X-Content-Type-Options is missing: %v", request, h)
	}
	if status < 400 {
		return
	}
	var p map[string]any
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%s: the body is not JSON: %v in %q", request, err, body)
	}
	if err := c.doc.Components.Schemas["Problem"].Value.VisitJSON(p); err != nil {
		t.Errorf("%s: not a problem document: %v", request, err)
	}
	if p["request_id"] != h.Get("X-Request-Id") && h.Get("Idempotent-Replayed") == "" {
		t.Errorf("%s: request %s got %v", request, h.Get("X-Request-Id"), p)
	}
	if p["status"] != float64(status) || h.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: got %d %q with %v", request, status, h.Get("Content-Type"), p)
	}
}

// codeOf returns the code of a problem document.
func codeOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var p struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return p.Code
}
