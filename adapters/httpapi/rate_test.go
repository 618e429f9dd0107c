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

// limited serves with these rates, in a bubble, where time passes only when
// everybody waits.
func limited(t *testing.T, r Rates, test func(t *testing.T, s *service)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		test(t, newService(t, func(c *Config) { c.Rates = r }))
	})
}

func TestUsersAreLimitedEachForThemselves(t *testing.T) {
	limited(t, Rates{PerUser: Rate{3, time.Minute}}, func(t *testing.T, s *service) {
		get := func(user string) int { return s.do(user, "GET", "/v1/entitlements", "").Code }
		for range 3 {
			if code := get("alice"); code != 200 {
				t.Errorf("within the limit: %d", code)
			}
		}
		w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("once"))
		if codeOf(t, w) != "rate_limited" || w.Header().Get("Retry-After") != "20" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("above the limit: %d %v %s", w.Code, w.Header(), w.Body)
		}
		if code := get("bob"); code != 200 {
			t.Errorf("another user: %d", code)
		}
		if w := s.do("", "GET", "/v1/plans", ""); w.Code != 200 {
			t.Errorf("what is for everybody: %d", w.Code)
		}
		time.Sleep(20*time.Second - 1)
		if code := get("alice"); code != 429 {
			t.Errorf("a moment too early: %d", code)
		}
		time.Sleep(time.Nanosecond)
		// What was refused has left nothing behind: the same key does its work.
		if w := s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("once")); w.Code != 201 {
			t.Errorf("in time: %d %s", w.Code, w.Body)
		}
	})
}

// Before a token is judged, and for paths that do not exist.
func TestAddressesAreLimited(t *testing.T) {
	limited(t, Rates{PerAddress: Rate{2, time.Second}}, func(t *testing.T, s *service) {
		for _, path := range []string{"/v1/plans", "/nowhere"} {
			if w := s.do("", "GET", path, ""); w.Code == 429 {
				t.Errorf("%s within the limit: %d", path, w.Code)
			}
		}
		for _, path := range []string{"/v1/plans", "/nowhere", "/v1/history", "/docs"} {
			w := s.do("mallory", "GET", path, "")
			if w.Code != 429 || codeOf(t, w) != "rate_limited" || w.Header().Get("Retry-After") != "1" {
				t.Errorf("%s above the limit: %d %v", path, w.Code, w.Header())
			}
		}
		time.Sleep(time.Second / 2)
		if w := s.do("", "GET", "/v1/plans", ""); w.Code != 200 {
			t.Errorf("in time: %d", w.Code)
		}
	})
}

func TestNoLimit(t *testing.T) {
	limited(t, Rates{}, func(t *testing.T, s *service) {
		for range 1000 {
			if w := s.do("alice", "GET", "/v1/entitlements", ""); w.Code != 200 {
				t.Fatalf("answered %d", w.Code)
			}
		}
	})
}

func TestTheMapOfALimiterIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = 100
		l := newLimiter(Rate{1, time.Hour}, most)
		ask := func(who string) bool { return l.check(who) == nil }
		ask("busy")
		for i := range 10_000 {
			ask(fmt.Sprint("stranger ", i))
			if i%20 == 0 && ask("busy") {
				t.Fatalf("after %d strangers, one who keeps asking was forgotten", i)
			}
			if n := len(l.recent) + len(l.older); n > most {
				t.Fatalf("%d are remembered, want at most %d", n, most)
			}
		}
		for i := range most {
			ask(fmt.Sprint("crowd ", i))
		}
		if !ask("busy") {
			t.Error("one who has not asked for long was not forgotten")
		}
	})
}

func TestManyAtOnceShareOneLimit(t *testing.T) {
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
		t.Errorf("%d got through, want 10", n)
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	rates := Rates{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	tests := map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                           {"203.0.113.7:5000", nil, "203.0.113.7"},
		"a header that anybody can send":     {"203.0.113.7:5000", []string{"198.51.100.1"}, "203.0.113.7"},
		"through a proxy":                    {"10.1.2.3:5000", []string{"203.0.113.7"}, "203.0.113.7"},
		"through two":                        {"10.1.2.3:5000", []string{"203.0.113.7, 10.9.9.9"}, "203.0.113.7"},
		"in two headers":                     {"10.1.2.3:5000", []string{"203.0.113.7", "10.9.9.9"}, "203.0.113.7"},
		"with an invented client in front":   {"10.1.2.3:5000", []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		"with a proxy invented in front":     {"10.1.2.3:5000", []string{"10.0.0.9, 203.0.113.7"}, "203.0.113.7"},
		"the proxy itself":                   {"10.1.2.3:5000", nil, "10.1.2.3"},
		"all are proxies":                    {"10.1.2.3:5000", []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		"nonsense behind the proxy":          {"10.1.2.3:5000", []string{"203.0.113.7, unknown"}, "10.1.2.3"},
		"nonsense further away":              {"10.1.2.3:5000", []string{"x, 203.0.113.7"}, "203.0.113.7"},
		"with a port":                        {"10.1.2.3:5000", []string{"203.0.113.7:4711"}, "203.0.113.7"},
		"IPv4 in IPv6":                       {"[::ffff:10.1.2.3]:5000", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"IPv6: the network of one customer":  {"[2001:db8:1:2:3:4:5:6]:5000", nil, "2001:db8:1:2::/64"},
		"IPv6 behind a proxy, with its port": {"[fd00::1]:5000", []string{"[2001:db8:1:2::9]:443"}, "2001:db8:1:2::/64"},
		"IPv6 in brackets":                   {"[fd00::1]:5000", []string{"[2001:db8:1:2::9]"}, "2001:db8:1:2::/64"},
		"no network address at all":          {"@", []string{"203.0.113.7"}, "@"},
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

// A header full of proxies costs no more than its length.
func FuzzClientAddress(f *testing.F) {
	rates := Rates{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	f.Add("10.1.2.3:5000", "203.0.113.7, 10.0.0.1")
	f.Add("10.1.2.3:5000", strings.Repeat("10.0.0.1,", 1000))
	f.Add("[fe80::1%eth0]:1", "[::1]:x,%,")
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		if got := rates.client(r); got == "" && peer != "" {
			t.Errorf("nobody is the client of %q, %q", peer, forwarded)
		}
	})
}
