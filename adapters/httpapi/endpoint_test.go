package httpapi

import (
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
)

// A route that the document does not describe is found at the start.
func TestRoutesAreInTheDocument(t *testing.T) {
	t.Parallel()
	for asked, ok := range map[string]bool{"GET /v1/plans": true, "GET /docs": true, "PUT /v1/plans": false} {
		method, path, _ := strings.Cut(asked, " ")
		s := &server{router: mux.NewRouter()}
		s.router.Handle(path, http.NotFoundHandler()).Methods(method)
		if err := s.bind(newResponseChecker(t).doc); (err == nil) != ok {
			t.Errorf("%s: %v", asked, err)
		}
	}
}

// discard is an answer that nobody reads.
type discard http.Header

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

// The limits leave room for the race detector, which allocates too. Validating a
// request that cannot be invalid, copying a request to route it, or converting the
// name of a header exceeds them.
func TestAllocations(t *testing.T) {
	s := newService(t, func(c *Config) { c.Log = slog.New(LogHandler(slog.NewJSONHandler(io.Discard, nil))) })
	for path, most := range map[string]float64{"/docs": 10, "/v1/plans": 13, "/v1/payments": 25} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer alice")
		r.Header.Set("X-Request-Id", "test-request")
		least := math.Inf(1) // what else goes on in the process only adds to it
		for range 5 {
			least = min(least, testing.AllocsPerRun(200, func() { s.handler.ServeHTTP(discard{}, r) }))
		}
		if least > most {
			t.Errorf("%s: %v allocations", path, least)
		}
	}
}
