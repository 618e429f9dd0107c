package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// withRates runs a test with rate limits in a synctest bubble, where time passes
// only while all goroutines are blocked.
func withRates(t *testing.T, r Rates, test func(t *testing.T, s *service)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		test(t, newService(t, func(c *Config) { c.Rates = r }))
	})
}

func TestUserLimit_IsPerUser(t *testing.T) {
	withRates(t, Rates{PerUser: Rate{3, time.Minute}}, func(t *testing.T, s *service) {
		get := func(user string) int { return s.do(user, "GET", "/v1/entitlements", "").Code }
		for range 3 {
			if code := get("alice"); code != 200 {
				t.Errorf("within the limit: got %d", code)
			}
		}
		w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
		if codeOf(t, w) != "rate_limited" || w.Header().Get("Retry-After") != "20" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("above the limit: got %d %v %s", w.Code, w.Header(), w.Body)
		}
		if code := get("bob"); code != 200 {
			t.Errorf("another user: got %d", code)
		}
		if w := s.do("", "GET", "/v1/plans", ""); w.Code != 200 {
			t.Errorf("public path: got %d", w.Code)
		}
		time.Sleep(20*time.Second - 1)
		if code := get("alice"); code != 429 {
			t.Errorf("one nanosecond before Retry-After: got %d", code)
		}
		time.Sleep(time.Nanosecond)
		// The refused request stored nothing, so its key can be used.
		if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k")); w.Code != 201 {
			t.Errorf("after Retry-After: got %d %s", w.Code, w.Body)
		}
	})
}

// The limit also applies to invalid tokens and to unknown paths.
func TestAddressLimit(t *testing.T) {
	withRates(t, Rates{PerAddress: Rate{2, time.Second}}, func(t *testing.T, s *service) {
		for _, path := range []string{"/v1/plans", "/nowhere"} {
			if w := s.do("", "GET", path, ""); w.Code == 429 {
				t.Errorf("%s within the limit: got %d", path, w.Code)
			}
		}
		for _, path := range []string{"/v1/plans", "/nowhere", "/v1/history", "/docs"} {
			w := s.do("mallory", "GET", path, "")
			if w.Code != 429 || codeOf(t, w) != "rate_limited" || w.Header().Get("Retry-After") != "1" {
				t.Errorf("%s above the limit: got %d %v", path, w.Code, w.Header())
			}
		}
		time.Sleep(time.Second / 2)
		if w := s.do("", "GET", "/v1/plans", ""); w.Code != 200 {
			t.Errorf("after half a second: got %d", w.Code)
		}
	})
}

func TestRates_ZeroMeansNoLimit(t *testing.T) {
	withRates(t, Rates{}, func(t *testing.T, s *service) {
		for range 1000 {
			if w := s.do("alice", "GET", "/v1/entitlements", ""); w.Code != 200 {
				t.Fatalf("got %d, want 200", w.Code)
			}
		}
	})
}

func TestLimiter_ForgetsSilentClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const maxClients = 100
		l := newLimiter(Rate{1, time.Hour}, maxClients)
		allowed := func(client string) bool { return l.check(client) == nil }
		allowed("busy")
		for i := range 10_000 {
			allowed(fmt.Sprint("single ", i))
			if i%20 == 0 && allowed("busy") {
				t.Fatalf("the busy client was forgotten after %d other clients", i)
			}
			if n := len(l.recent) + len(l.older); n > maxClients {
				t.Fatalf("the limiter remembers %d clients, want at most %d", n, maxClients)
			}
		}
		for i := range maxClients {
			allowed(fmt.Sprint("other ", i))
		}
		if !allowed("busy") {
			t.Error("the limiter remembers a client that has been silent longest")
		}
	})
}

func TestLimiter_ConcurrentRequests(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rate{10, time.Hour}, 1000)
	passed := make(chan bool, 100)
	for range cap(passed) {
		go func() { passed <- l.check("alice") == nil }()
	}
	n := 0
	for range cap(passed) {
		if <-passed {
			n++
		}
	}
	if n != 10 {
		t.Errorf("%d requests were allowed, want 10", n)
	}
}

func TestRates_Client(t *testing.T) {
	t.Parallel()
	rates := Rates{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	tests := map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                         {"203.0.113.7:5000", nil, "203.0.113.7"},
		"header from an untrusted peer":    {"203.0.113.7:5000", []string{"198.51.100.1"}, "203.0.113.7"},
		"one proxy":                        {"10.1.2.3:5000", []string{"203.0.113.7"}, "203.0.113.7"},
		"two proxies":                      {"10.1.2.3:5000", []string{"203.0.113.7, 10.9.9.9"}, "203.0.113.7"},
		"two headers":                      {"10.1.2.3:5000", []string{"203.0.113.7", "10.9.9.9"}, "203.0.113.7"},
		"forged client in front":           {"10.1.2.3:5000", []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		"forged proxy in front":            {"10.1.2.3:5000", []string{"10.0.0.9, 203.0.113.7"}, "203.0.113.7"},
		"the proxy is the client":          {"10.1.2.3:5000", nil, "10.1.2.3"},
		"only proxies":                     {"10.1.2.3:5000", []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		"invalid entry next to the proxy":  {"10.1.2.3:5000", []string{"203.0.113.7, unknown"}, "10.1.2.3"},
		"invalid entry further left":       {"10.1.2.3:5000", []string{"x, 203.0.113.7"}, "203.0.113.7"},
		"with a port":                      {"10.1.2.3:5000", []string{"203.0.113.7:4711"}, "203.0.113.7"},
		"IPv4 in IPv6":                     {"[::ffff:10.1.2.3]:5000", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"IPv6 is cut to /64":               {"[2001:db8:1:2:3:4:5:6]:5000", nil, "2001:db8:1:2::/64"},
		"IPv6 behind a proxy, with a port": {"[fd00::1]:5000", []string{"[2001:db8:1:2::9]:443"}, "2001:db8:1:2::/64"},
		"IPv6 in brackets":                 {"[fd00::1]:5000", []string{"[2001:db8:1:2::9]"}, "2001:db8:1:2::/64"},
		"Unix socket":                      {"@", []string{"203.0.113.7"}, "@"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			r.Header["X-Forwarded-For"] = tt.forwarded
			if got := rates.client(r); got != tt.want {
				t.Errorf("client is %q, want %q", got, tt.want)
			}
		})
	}
}

// Every peer has a client name, however long the list of proxies is.
func FuzzClientAddress(f *testing.F) {
	rates := Rates{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	f.Add("10.1.2.3:5000", "203.0.113.7, 10.0.0.1")
	f.Add("10.1.2.3:5000", strings.Repeat("10.0.0.1,", 1000))
	f.Add("[fe80::1%eth0]:1", "[::1]:x,%,")
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		if got := rates.client(r); got == "" && peer != "" {
			t.Errorf("the client of %q, %q has no name", peer, forwarded)
		}
	})
}
