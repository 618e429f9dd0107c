package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var bodies []string
	for _, value := range []string{"", "alice", "Bearer", "Bearer ", "Bearer unknown", "Basic alice", "Bearer alice x", "Bearer  alice", "\tBearer alice"} {
		w := s.do("", "GET", "/v1/entitlements", "", header{"Authorization", value})
		if w.Code != 401 || w.Header().Get("WWW-Authenticate") != `Bearer realm="billing"` || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q: got %d %v, want 401", value, w.Code, w.Header())
		}
		bodies = append(bodies, w.Body.String())
	}
	for _, body := range bodies { // the response does not tell why
		if diff := cmp.Diff(bodies[0], body); diff != "" {
			t.Errorf("(-first +other):\n%s", diff)
		}
	}
	for _, value := range []string{"Bearer alice", "bearer alice"} {
		if w := s.do("", "GET", "/v1/entitlements", "", header{"Authorization", value}); w.Code != 200 {
			t.Errorf("%q: got %d, want 200", value, w.Code)
		}
	}
}

// A token of a service opens no viewer's account, and is checked before the rest of the request.
func TestAuthorize_ServiceOnViewersOperations(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for path, item := range s.checker.doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Security != nil || op.Extensions[scopeExtension] != nil {
				continue
			}
			w := s.do("player", method, strings.ReplaceAll(path, "{ref}", "x y"), "{")
			if w.Code != 403 || !strings.Contains(w.Body.String(), `"code":"insufficient_scope"`) {
				t.Errorf("%s %s: got %d %s, want 403", method, path, w.Code, w.Body)
			}
			if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="billing", error="insufficient_scope"` {
				t.Errorf("%s %s: got WWW-Authenticate: %s", method, path, got)
			}
		}
	}
}

// The log has the cause of each 401, without the header's value.
func TestAuthenticate_LogsCause(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers []string
		cause   string
	}{
		"missing":      {nil, "no Authorization header"},
		"doubled":      {[]string{"Bearer alice", "Bearer s3cret"}, "several Authorization headers"},
		"other scheme": {[]string{"Basic s3cret"}, "scheme of the Authorization header is not Bearer"},
		"no token":     {[]string{"Bearer "}, "has no token"},
		"unknown":      {[]string{"Bearer s3cret"}, "unknown token"},
	} {
		s := newService(t)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/entitlements", nil)
		r.Header["Authorization"] = c.headers
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		log := s.logged.String()
		if w.Code != 401 || strings.Count(log, `"level":"INFO","msg":"token refused"`) != 1 || !strings.Contains(log, c.cause) || strings.Contains(log, "s3cret") {
			t.Errorf("%s: got %d and logged %s, want 401 and %q", name, w.Code, log, c.cause)
		}
	}
}

// The token is checked before the rest of the request.
func TestGuard_RequiresTokenExceptForPublicPaths(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for path, item := range s.checker.doc.Paths.Map() {
		for method, op := range item.Operations() {
			public := op.Security != nil && len(*op.Security) == 0
			if w := s.do("", method, strings.ReplaceAll(path, "{ref}", "x y"), "{"); (w.Code == 401) == public {
				t.Errorf("%s %s without a token: got %d; public in the document: %t", method, path, w.Code, public)
			}
		}
	}
	for _, path := range []string{"/docs", "/openapi.json"} {
		if w := s.do("", "GET", path, ""); w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%s: got %d, want 200", path, w.Code)
		}
	}
}

func TestAuthenticate_Unavailable(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) {
		c.Authenticate = func(context.Context, string) (Caller, error) { return Caller{}, billing.ErrUnavailable }
	})
	if w := s.do("alice", "GET", "/v1/entitlements", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %v, want 503 with Retry-After", w.Code, w.Header())
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for id, valid := range map[string]bool{
		"a": true, "A-b_c.9": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a b": false, "a\"b": false, "é": false, "a\n": false,
		"4242424242424242": false, "4242424242424243": true, // a card number, and a number with a wrong check digit
		"4242.4242.4242.4242": false, "req-4242_4242_4242_4242-1": false, "01981e2c-7d4a-7c10-9351-350165352011": true,
	} {
		w := s.do("", "GET", "/v2", "", header{"X-Request-Id", id})
		got := w.Header().Get("X-Request-Id")
		if (got == id) != valid || got == "" || !strings.Contains(w.Body.String(), got) {
			t.Errorf("%q: got %q in %s", id, got, w.Body)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for path, want := range map[string]http.Header{
		"/v1/plans":        {"Content-Type": {"application/json"}},
		"/v1/entitlements": {"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}, "Www-Authenticate": {`Bearer realm="billing"`}},
		"/nowhere":         {"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}},
	} {
		want["X-Request-Id"] = []string{"test-request"}
		want["X-Content-Type-Options"] = []string{"nosniff"}
		want["Content-Security-Policy"] = []string{"default-src 'none'; frame-ancestors 'none'"}
		want["Cross-Origin-Resource-Policy"] = []string{"same-origin"}
		want["Referrer-Policy"] = []string{"no-referrer"}
		if diff := cmp.Diff(want, s.do("", "GET", path, "").Header()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://billing.example/v1/plans", nil)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if got := w.Header()["Strict-Transport-Security"]; r.TLS == nil || !slices.Equal(got, []string{"max-age=31536000"}) {
		t.Errorf("Strict-Transport-Security over TLS: got %q", got)
	}
}

func TestAccessLog_DisabledByLevel(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	s := newService(t, func(c *Config) {
		c.Log = slog.New(LogHandler(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	})
	if s.do("", "GET", "/v1/plans", ""); out.String() != "" {
		t.Errorf("got %s, want an empty log", out.String())
	}
}

// The line has the template of the path and no query, because the query may hold
// secrets. The response quotes no value of the query either.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	s := newService(t)
	if w := s.do("alice", "GET", "/v1/subscriptions/premium?secret=s3cret", ""); strings.Contains(w.Body.String(), "s3cret") {
		t.Errorf("the response quotes the query: %s", w.Body)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(s.logged.String()), &line); err != nil {
		t.Fatal(err)
	}
	delete(line, "time")
	delete(line, "duration_ms")
	want := map[string]any{
		"level": "INFO", "msg": "request", "method": "GET", "route": "/v1/subscriptions/{ref}",
		"status": 400.0, "request_id": "test-request", "user_id": string(alice),
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Lines of the use cases have the request's id too.
func TestLogHandler_AddsRequestID(t *testing.T) {
	t.Parallel()
	s, store := newUnstorable(t)
	store.on.Store(true)
	s.do("alice", "POST", "/v1/subscriptions", subscribeWith("tok_lost_response"), key("k"))
	s.do("unknown", "GET", "/v1/history", "")
	for _, line := range []string{"charge failed", "response sent but not stored for replay", "token refused", "request"} {
		if !strings.Contains(s.logged.String(), `"msg":"`+line+`"`) {
			t.Errorf("the log lacks %q", line)
		}
	}
	for line := range strings.Lines(s.logged.String()) {
		if strings.Count(line, `"request_id":"test-request"`) != 1 {
			t.Errorf("line without the request id: %s", line)
		}
	}
}

func TestServed_CalledForEveryRequest(t *testing.T) {
	t.Parallel()
	var got []Served
	s := newService(t, func(c *Config) { c.Served = func(s Served) { s.Took = 0; got = append(got, s) } })
	s.do("alice", "GET", "/v1/subscriptions/premium", "")
	s.do("", "POST", "/v1/subscriptions", "{")
	s.do("", "PUT", "/v1/plans", "")
	s.do("", "GET", "/nowhere/%41lice", "")
	want := []Served{
		{Method: "GET", Route: "/v1/subscriptions/{ref}", Status: 404},
		{Method: "POST", Route: "/v1/subscriptions", Status: 401},
		{Method: "PUT", Status: 405},
		{Method: "GET", Status: 404},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The log has the reason of a panic once. The response does not have it.
func TestRecoverPanics(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) {
		c.Authenticate = func(context.Context, string) (Caller, error) { panic("the secret reason") }
	})
	w := s.do("alice", "GET", "/v1/entitlements", "")
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if n := strings.Count(s.logged.String(), "the secret reason"); n != 1 {
		t.Errorf("logged %d times, want 1: %s", n, s.logged)
	}
}

func TestRouting_Paths(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for path, want := range map[string]int{
		"/v1/subscriptions/%00":                            404,
		"/v1/subscriptions/a%00b":                          404,
		"/v1/subscriptions/%ff%fe":                         404,
		"/v1/subscriptions/%D0%BF":                         404,
		"/v1/subscriptions/..":                             404,
		"/v1/subscriptions/..%2f..":                        404,
		"/v1/subscriptions/%0a":                            404,
		"/v1/subscriptions/a;b=c":                          404,
		"/v1/subscriptions/'":                              404,
		"/v1/subscriptions/" + strings.Repeat("a", 10<<10): 404,
		"/v1/subscriptions/" + strings.Repeat("%25", 3000): 404,
		"/v1/subscriptions/":                               404,
		"/v1/subscriptions//cancel":                        404,
		"//v1/plans":                                       404,
		"/v1/plans/":                                       404,
		"/":                                                404,
		"/v1/subscriptions/00000000-0000-7000-8000-999999999": 404,
		"/v1/subscriptions/premium/cancel":                    405,
		"/v1/plans?limit=x&%zz=;":                             400,
		"/v1/plans?":                                          200,
		"/v1/plans?&&":                                        200,
		"/v1/plans?%zz":                                       400,
		"/v1/entitlements?x=%00":                              400,
		"/v1/entitlements?=x":                                 400,
		"/v1/subscriptions/premium?expand":                    400,
		"/docs?x":                                             200,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer alice")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		s.checker.check(t, r, w)
		if w.Code != want {
			t.Errorf("%.60s: got %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

func TestRouting_MethodNotAllowed(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for path, want := range map[string]string{
		"/v1/plans": "GET, HEAD", "/v1/subscriptions": "GET, HEAD, POST", "/v1/subscriptions/x/cancel": "POST", "/docs": "GET, HEAD",
	} {
		w := s.do("", "PUT", path, "")
		if got := strings.Join(w.Header().Values("Allow"), ", "); w.Code != 405 || got != want {
			t.Errorf("PUT %s: got %d with Allow %q, want 405 with %q", path, w.Code, got, want)
		}
	}
}

// The server of net/http omits the body.
func TestRouting_Head(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newService(t).handler)
	defer server.Close()
	for path, want := range map[string]int{"/docs": 200, "/openapi.json": 200, "/v1/plans": 200, "/v1/history": 401, "/v1/subscriptions/x/cancel": 405} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(w.Body)
		if w.StatusCode != want || len(body) > 0 || w.Header.Get("X-Request-Id") == "" || errors.Join(err, w.Body.Close()) != nil {
			t.Errorf("HEAD %s: got %d %v with %d bytes, want %d without a body", path, w.StatusCode, w.Header, len(body), want)
		}
	}
}
