package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func get(t *testing.T, h http.Handler, page string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, page, nil))
	return w
}

func TestHandler_Confirm(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	h := s.Handler()
	o := mustCharge(t, s, charge("tok_3ds"))
	w := get(t, h, o.ActionURL)
	body := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(body, "399.00 RUB") || strings.Count(body, "<button") != 2 {
		t.Errorf("GET: %d\n%s", w.Code, body)
	}
	if second := get(t, h, o.ActionURL); second.Body.String() != body {
		t.Error("the second GET differs from the first")
	}
	w = post(t.Context(), h, o.ActionURL, "approve")
	location := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasSuffix(o.ActionURL, strings.TrimPrefix(location, ".")) {
		t.Errorf("POST: %d to %q, want back to the page", w.Code, location)
	}
	if body := get(t, h, o.ActionURL).Body.String(); !strings.Contains(body, "Approved") || strings.Contains(body, "<button") {
		t.Errorf("after the approval:\n%s", body)
	}
}

func TestHandler_SecurityHeaders(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	w := get(t, s.Handler(), mustCharge(t, s, charge("tok_3ds")).ActionURL)
	policy := w.Header().Get("Content-Security-Policy")
	css := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(w.Body.String())
	sum := sha256.Sum256([]byte(css[1]))
	if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
		t.Errorf("policy %q does not allow the page's style, %s", policy, want)
	}
	for _, want := range []string{"default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %s", policy, want)
		}
	}
	for header, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if loads := regexp.MustCompile(`(?i)src=|href=|url\(|<script|\son\w+=`).FindString(w.Body.String()); loads != "" {
		t.Errorf("the page has %q, want no external resources", loads)
	}
}

func TestHandler_InvalidRequest(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	r := charge("tok_3ds")
	page := mustCharge(t, s, r).ActionURL
	for name, c := range map[string]struct {
		method, url, body string
		want              int
	}{
		"unknown page":          {"GET", "/confirm/ABCDEFGHIJKLMNOPQRSTUVWXYZ", "", 404},
		"reply to unknown page": {"POST", "/confirm/ABCDEFGHIJKLMNOPQRSTUVWXYZ", "reply=approve", 404},
		"script in address":     {"GET", "/confirm/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "", 404},
		"NUL in address":        {"GET", "/confirm/%00", "", 404},
		"no name":               {"GET", "/", "", 404},
		"no reply":              {"POST", page, "", 400},
		"unknown reply":         {"POST", page, "reply=%3Cscript%3E", 400},
		"reply in address":      {"POST", page + "?reply=approve", "", 400},
		"huge body":             {"POST", page, strings.Repeat("x", 4096) + "&reply=approve", 400},
		"other method":          {"DELETE", page, "", 405},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := httptest.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, req)
			if w.Code != c.want || strings.Contains(w.Body.String(), "script") {
				t.Errorf("status %d, want %d\n%s", w.Code, c.want, w.Body)
			}
			if got := summary(mustFind(t, s, r.Key)); got != "pending" {
				t.Errorf("the charge is %s, want pending", got)
			}
		})
	}
}

func TestHandler_DatabaseUnavailable(t *testing.T) {
	t.Parallel()
	s := newSimulatorAt(t, "postgres://nobody@127.0.0.1:1/nowhere", Config{})
	if w := get(t, s.Handler(), "/ABCDEFGHIJKLMNOPQRSTUVWXYZ"); w.Code != 503 || strings.Contains(w.Body.String(), "127.0.0.1") {
		t.Errorf("status %d, want 503 without the address\n%s", w.Code, w.Body)
	}
}

func TestHandler_ConfirmationTooLate(t *testing.T) {
	t.Parallel()
	const ttl = 15 * time.Minute
	for name, outcome := range map[string]func(*testing.T, *Simulator, string, billing.PaymentID) billing.Outcome{
		"noticed by lookup": func(t *testing.T, s *Simulator, _ string, key billing.PaymentID) billing.Outcome {
			return mustFind(t, s, key)
		},
		"noticed by page": func(t *testing.T, s *Simulator, page string, key billing.PaymentID) billing.Outcome {
			if body := get(t, s.Handler(), page).Body.String(); !strings.Contains(body, "Too late") {
				t.Errorf("the page has no Too late:\n%s", body)
			}
			return mustFind(t, s, key)
		},
		"noticed by reply": func(t *testing.T, s *Simulator, page string, key billing.PaymentID) billing.Outcome {
			post(t.Context(), s.Handler(), page, "approve")
			return mustFind(t, s, key)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			s := newSimulator(t, Config{Clock: clock})
			r := charge("tok_3ds")
			page := mustCharge(t, s, r).ActionURL
			clock.Advance(ttl - time.Microsecond)
			if got := summary(mustFind(t, s, r.Key)); got != "pending" {
				t.Fatalf("just before the end it is %s, want pending", got)
			}
			clock.Advance(time.Microsecond)
			o := outcome(t, s, page, r.Key)
			if summary(o) != "action_expired" || mustCharge(t, s, r) != o {
				t.Errorf("outcome %+v, want action_expired from now on", o)
			}
			clock.Advance(-ttl) // operators can set the test clock back
			post(t.Context(), s.Handler(), page, "approve")
			if got := mustFind(t, s, r.Key); got != o {
				t.Errorf("after the clock was set back: %+v, want %+v", got, o)
			}
			wantLedger(t, s, r.Key, nil)
		})
	}
}

// The first reply decides, and the money is taken at most once.
func TestHandler_ConcurrentReplies(t *testing.T) {
	t.Parallel()
	s := newSimulator(t, Config{})
	r := charge("tok_3ds")
	page := mustCharge(t, s, r).ActionURL
	done := make(chan int)
	for i := range 20 {
		go func() {
			done <- post(t.Context(), s.Handler(), page, []string{"approve", "decline"}[i%2]).Code
		}()
	}
	for range 20 {
		if code := <-done; code != http.StatusSeeOther {
			t.Errorf("POST: status %d, want 303", code)
		}
	}
	if o := mustFind(t, s, r.Key); o.Status == billing.PaymentSucceeded {
		wantLedger(t, s, r.Key, []billing.Money{r.Amount})
	} else {
		wantLedger(t, s, r.Key, nil)
	}
}
