//go:build !race

// Under the race detector sync.Pool drops a quarter of its items at random, and the
// router's regular expressions take theirs from such pools. The number of allocations
// says nothing there.

package httpapi

import (
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
)

// discard is a response writer that drops the body.
type discard http.Header

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

// Validating a request that cannot be invalid, copying a request to route it, or
// converting the name of a header exceeds the limits. Each optional query parameter
// takes one allocation.
func TestServe_Allocations(t *testing.T) {
	s := newService(t, func(c *Config) { c.Log = slog.New(LogHandler(slog.NewJSONHandler(io.Discard, nil))) })
	for path, limit := range map[string]float64{"/docs": 10, "/v1/plans": 13, "/v1/history": 25, "/v1/payments": 27} {
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
