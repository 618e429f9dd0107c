package httpapi

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const webOrigin = "https://cinema.example"

func withOrigins(c *Config) { c.CORSOrigins = []string{webOrigin, "http://localhost:5173"} }

// corsHeaders returns the headers of a response that concern CORS.
func corsHeaders(h http.Header) http.Header {
	h = h.Clone()
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		return name != "Vary" && !strings.HasPrefix(name, "Access-Control-")
	})
	return h
}

func TestCORS_Preflight(t *testing.T) {
	t.Parallel()
	s := newService(t, withOrigins)
	ask := func(origin, method, headers string) (int, http.Header) {
		w := s.do("", "OPTIONS", "/v1/subscriptions", "", header{"Origin", origin},
			header{"Access-Control-Request-Method", method}, header{"Access-Control-Request-Headers", headers})
		return w.Code, corsHeaders(w.Header())
	}
	vary := []string{"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
	code, got := ask(webOrigin, "POST", "authorization,content-type,idempotency-key")
	want := http.Header{
		"Vary": vary, "Access-Control-Allow-Origin": {webOrigin}, "Access-Control-Allow-Methods": {"POST"},
		"Access-Control-Allow-Headers": {"authorization,content-type,idempotency-key"}, "Access-Control-Max-Age": {"7200"},
	}
	if diff := cmp.Diff(want, got); diff != "" || code != 204 {
		t.Errorf("got %d (-want +got):\n%s", code, diff)
	}
	for name, c := range map[string]struct{ origin, method, headers string }{
		"other origin":  {"https://evil.example", "POST", ""},
		"other scheme":  {"http://cinema.example", "POST", ""},
		"other port":    {"https://cinema.example:8443", "POST", ""},
		"subdomain":     {"https://a.cinema.example", "POST", ""},
		"longer suffix": {"https://cinema.example.evil.example", "POST", ""},
		"null":          {"null", "POST", ""},
		"other method":  {webOrigin, "PATCH", ""},
		"other header":  {webOrigin, "POST", "x-admin"},
	} {
		if code, got := ask(c.origin, c.method, c.headers); code != 204 || !cmp.Equal(got, http.Header{"Vary": vary}) {
			t.Errorf("%s: got %d %v, want 204 without permission", name, code, got)
		}
	}
}

func TestCORS_Responses(t *testing.T) {
	t.Parallel()
	s := newService(t, withOrigins)
	exposed := http.Header{
		"Vary": {"Origin"}, "Access-Control-Allow-Origin": {webOrigin},
		"Access-Control-Expose-Headers": {"Allow, Idempotent-Replayed, Location, Retry-After, Www-Authenticate, X-Request-Id"},
	}
	for name, c := range map[string]struct {
		user, path, origin string
		status             int
		want               http.Header
	}{
		"public":        {"", "/v1/plans", webOrigin, 200, exposed},
		"with a token":  {"alice", "/v1/history", webOrigin, 200, exposed},
		"without token": {"", "/v1/history", webOrigin, 401, exposed},
		"not found":     {"alice", "/nowhere", webOrigin, 404, exposed},
		"other origin":  {"alice", "/v1/history", "https://evil.example", 200, http.Header{"Vary": {"Origin"}}},
		"no origin":     {"alice", "/v1/history", "", 200, http.Header{"Vary": {"Origin"}}},
	} {
		headers := []header{{"Origin", c.origin}}
		if c.origin == "" {
			headers = nil
		}
		w := s.do(c.user, "GET", c.path, "", headers...)
		if diff := cmp.Diff(c.want, corsHeaders(w.Header())); diff != "" || w.Code != c.status {
			t.Errorf("%s: got %d, want %d (-want +got):\n%s", name, w.Code, c.status, diff)
		}
	}
	// OPTIONS that is no preflight is a method that no path supports.
	if w := s.do("", "OPTIONS", "/v1/plans", "", header{"Origin", webOrigin}); w.Code != 405 {
		t.Errorf("OPTIONS: got %d %s, want 405", w.Code, w.Body)
	}
}

// A page can read why it was refused.
func TestCORS_AboveRateLimit(t *testing.T) {
	t.Parallel()
	s := newService(t, withOrigins, func(c *Config) { c.Rates = Rates{PerAddress: Rate{1, time.Hour}} })
	s.do("", "GET", "/v1/plans", "")
	w := s.do("", "GET", "/v1/plans", "", header{"Origin", webOrigin})
	if w.Code != 429 || w.Header().Get("Access-Control-Allow-Origin") != webOrigin {
		t.Errorf("got %d %v, want a readable 429", w.Code, w.Header())
	}
}

func TestCORS_Off(t *testing.T) {
	t.Parallel()
	s := newService(t)
	preflight := []header{{"Origin", webOrigin}, {"Access-Control-Request-Method", "POST"}}
	for path, method := range map[string]string{"/v1/plans": "GET", "/v1/subscriptions": "OPTIONS"} {
		w := s.do("", method, path, "", preflight...)
		if got := corsHeaders(w.Header()); len(got) > 0 || w.Code != map[string]int{"GET": 200, "OPTIONS": 405}[method] {
			t.Errorf("%s %s: got %d %v, want no CORS headers", method, path, w.Code, got)
		}
	}
}
