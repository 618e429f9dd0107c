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

func TestGuardRoutes_RefusesUndocumentedRoute(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, path string
		ok           bool
	}{
		"operation in the document":  {"GET", "/v1/plans", true},
		"page beside the API":        {"GET", "/docs", true},
		"PUT not in the document":    {"PUT", "/v1/plans", false},
		"DELETE not in the document": {"DELETE", "/v1/subscriptions", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{router: mux.NewRouter()}
			s.router.Handle(test.path, http.NotFoundHandler()).Methods(test.method)
			if err := s.guardRoutes(newResponseChecker(t).doc); (err == nil) != test.ok {
				t.Errorf("guardRoutes returned %v", err)
			}
		})
	}
}

// discard is a response writer that drops the body.
type discard http.Header

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

// The limits leave room for the race detector, which allocates too. Validating a
// request that cannot be invalid, copying a request to route it, or converting the
// name of a header exceeds them.
func TestServe_Allocations(t *testing.T) {
	s := newService(t, func(c *Config) { c.Log = slog.New(LogHandler(slog.NewJSONHandler(io.Discard, nil))) })
	for path, limit := range map[string]float64{"/docs": 10, "/v1/plans": 13, "/v1/payments": 25} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer alice")
		r.Header.Set("X-Request-Id", "test-request")
		least := math.Inf(1) // other goroutines of the process only add allocations
		for range 5 {
			least = min(least, testing.AllocsPerRun(200, func() { s.handler.ServeHTTP(discard{}, r) }))
		}
		if least > limit {
			t.Errorf("%s: %v allocations, want at most %v", path, least, limit)
		}
	}
}
