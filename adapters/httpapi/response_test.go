package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// responseChecker holds answers against the document.
type responseChecker struct {
	doc    *openapi3.T
	router routers.Router
}

// sharedChecker is the one of all tests: reading the document takes its time.
var sharedChecker = sync.OnceValues(func() (*responseChecker, error) {
	doc, err := loadDocument()
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

func (c *responseChecker) check(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Header().Get("X-Request-Id") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s %s: headers every answer has are missing: %v", r.Method, r.URL.Path, w.Header())
	}
	if w.Code >= 400 {
		c.checkProblem(t, r, w)
	}
	route, vars, err := c.router.FindRoute(r)
	if err != nil {
		return // not in the document, such as /docs
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: vars, Route: route},
		Status:                 w.Code, Header: w.Header(),
		Body:    io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		t.Errorf("%s %s: the answer is not what the document says: %v", r.Method, r.URL.Path, err)
	}
}

// checkProblem checks what all problems have in common, those of paths that are
// not in the document too.
func (c *responseChecker) checkProblem(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	var p map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%s %s: %v in %q", r.Method, r.URL.Path, err, w.Body)
	}
	if err := c.doc.Components.Schemas["Problem"].Value.VisitJSON(p); err != nil {
		t.Errorf("%s %s: not a problem: %v", r.Method, r.URL.Path, err)
	}
	if int(p["status"].(float64)) != w.Code || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json") {
		t.Errorf("%s %s: answered %d %q with %v", r.Method, r.URL.Path, w.Code, w.Header().Get("Content-Type"), p)
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
