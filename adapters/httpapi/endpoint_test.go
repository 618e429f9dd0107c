package httpapi

import (
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
)

// A route that the document does not describe is found at the start.
func TestRoutesAreInTheDocument(t *testing.T) {
	t.Parallel()
	for asked, ok := range map[target]bool{
		{"GET", "/v1/plans"}: true, {"GET", "/docs"}: true, {"PUT", "/v1/plans"}: false,
	} {
		s := &server{router: mux.NewRouter(), plain: map[target]*endpoint{}}
		s.router.Handle(asked.path, http.NotFoundHandler()).Methods(asked.method)
		if err := s.bind(newResponseChecker(t).doc); (err == nil) != ok {
			t.Errorf("%v: %v", asked, err)
		}
	}
}

// Without variables the path says all: the router copies each request twice.
func TestPlainPathsAreNotMatched(t *testing.T) {
	t.Parallel()
	served := 0
	s := &server{router: mux.NewRouter(), plain: map[target]*endpoint{}}
	s.router.HandleFunc("/docs", func(_ http.ResponseWriter, r *http.Request) {
		if served++; mux.CurrentRoute(r) != nil {
			t.Error("matched")
		}
	}).Methods(http.MethodGet)
	if err := s.bind(newResponseChecker(t).doc); err != nil {
		t.Fatal(err)
	}
	s.dispatch(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/docs", nil))
	if served != 1 {
		t.Errorf("served %d times", served)
	}
}

// discard is an answer that nobody reads.
type discard http.Header

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

// What all requests pass through has a price in allocations: matching a route,
// holding against the document what cannot be wrong, or canonicalizing a header
// would each take more than is left here, which is what the race detector takes.
func TestAllocations(t *testing.T) {
	s := newService(t, func(c *Config) { c.Log = slog.New(LogHandler(slog.NewJSONHandler(io.Discard, nil))) })
	for path, most := range map[string]float64{"/docs": 8, "/v1/plans": 28, "/v1/payments": 23} {
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
