package httpapi

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The viewer subscribes on 1 March at 10:00 for a month. If the subscription renews, the
// access lasts for the grace of the renewal too.
func TestEntitlements_NeverCachedBeyondUntil(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC)
	renews, cancelled := end.Add(renewalGrace), end
	tests := []struct {
		name   string
		cancel bool
		at     time.Time
		maxAge string
		until  string
	}{
		{"the first day", false, end.AddDate(0, -1, 0), "60", `"2026-04-02T10:00:00Z"`},
		{"renewal overdue", false, end, "60", `"2026-04-02T10:00:00Z"`},
		{"a minute and a moment before the end", false, renews.Add(-time.Minute - 1), "60", `"2026-04-02T10:00:00Z"`},
		{"a minute before the end", false, renews.Add(-time.Minute), "60", `"2026-04-02T10:00:00Z"`},
		{"a moment later", false, renews.Add(-time.Minute + 1), "59", `"2026-04-02T10:00:00Z"`},
		{"a second before the end", false, renews.Add(-time.Second), "1", `"2026-04-02T10:00:00Z"`},
		{"less than a second before the end", false, renews.Add(-1), "0", `"2026-04-02T10:00:00Z"`},
		{"exactly at the end", false, renews, "0", "null"},
		{"after the end", false, renews.AddDate(1, 0, 0), "0", "null"},
		{"cancelled", true, cancelled.AddDate(0, 0, -1), "60", `"2026-04-01T10:00:00Z"`},
		{"cancelled, ten seconds before the end", true, cancelled.Add(-10 * time.Second), "10", `"2026-04-01T10:00:00Z"`},
		{"cancelled, exactly at the end", true, cancelled, "0", "null"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
			if test.cancel {
				s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "")
			}
			s.clock.Advance(test.at.Sub(s.clock.Now()))
			w := s.do("alice", "GET", "/v1/entitlements", "")
			expectHeader(t, w, "Cache-Control", "private, max-age="+test.maxAge)
			if want := `"until":` + test.until + "}"; !strings.Contains(w.Body.String(), want) {
				t.Errorf("got %s, want %s", w.Body, want)
			}
		})
	}
}

// A browser keeps the responses to two viewers apart, and those to pages of two origins.
func TestEntitlements_VaryByViewerAndOrigin(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) { c.CORSOrigins = []string{"https://cinema.example"} })
	w := s.do("alice", "GET", "/v1/entitlements", "", header{"Origin", "https://cinema.example"})
	if got := strings.Join(w.Header().Values("Vary"), ", "); got != "Origin, Authorization" {
		t.Errorf("Vary: got %q", got)
	}
}

func TestEntitlements_ErrorsAreNotCached(t *testing.T) {
	t.Parallel()
	s := newService(t)
	expectHeader(t, s.do("", "GET", "/v1/entitlements", ""), "Cache-Control", "no-store")
	expectHeader(t, s.do("alice", "GET", "/v1/entitlements?page=2", ""), "Cache-Control", "no-store")
}

func expectHeader(t *testing.T, w *httptest.ResponseRecorder, name, want string) {
	t.Helper()
	if got := w.Header().Get(name); got != want {
		t.Errorf("%d with %s: %q, want %q", w.Code, name, got, want)
	}
}
