package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the answers of the tests to testdata")

// Each operation and each error as a client sees it.
func TestGolden(t *testing.T) {
	t.Parallel()
	type answer = *httptest.ResponseRecorder
	subscribed := func(s *service) { s.do("alice", "POST", "/v1/subscriptions", subscribeOK) }
	get := func(path string) func(*service) answer {
		return func(s *service) answer { subscribed(s); return s.do("alice", "GET", path, "") }
	}
	post := func(path, body string) func(*service) answer {
		return func(s *service) answer { subscribed(s); return s.do("alice", "POST", path, body) }
	}
	subscribe := func(body string) func(*service) answer {
		return func(s *service) answer { return s.do("alice", "POST", "/v1/subscriptions", body) }
	}
	tests := map[string]func(*service) answer{
		"plans":                  func(s *service) answer { return s.do("", "GET", "/v1/plans", "") },
		"payment_systems":        func(s *service) answer { return s.do("", "GET", "/v1/payment-systems", "") },
		"subscribe":              subscribe(subscribeOK),
		"subscribe_by_id":        subscribe(strings.Replace(subscribeOK, `plan_code":"premium`, `plan_id":"c0000000-0000-7000-8000-000000000001`, 1)),
		"subscribe_confirm":      subscribe(with("tok_3ds")),
		"subscribe_lost_answer":  subscribe(with("tok_lost_answer")),
		"subscribe_declined":     subscribe(with("tok_declined")),
		"subscribe_unknown":      subscribe(with("tok_unknown")),
		"subscribe_out_of_reach": subscribe(with("tok_unavailable")),
		"subscribe_price":        subscribe(strings.Replace(subscribeOK, "39900", "29900", 1)),
		"subscribe_plan":         subscribe(strings.Replace(subscribeOK, "premium", "gold", 1)),
		"subscribe_system":       subscribe(strings.Replace(subscribeOK, "bank", "cash", 1)),
		"subscribe_invalid":      subscribe(`{"price":{"amount":0,"currency":"roubles"},"payment_token":""}`),
		"subscribe_no_plan":      subscribe(strings.Replace(subscribeOK, `"plan_code":"premium",`, "", 1)),
		"subscribe_malformed":    subscribe(`{"coupon":1}`),
		"subscribe_twice":        post("/v1/subscriptions", subscribeOK),
		"subscriptions":          get("/v1/subscriptions"),
		"subscription":           get("/v1/subscriptions/premium"),
		"cancel":                 post("/v1/subscriptions/premium/cancel", ""),
		"cancel_now":             post("/v1/subscriptions/premium/cancel", `{"at":"now"}`),
		"cancel_other_token":     post("/v1/subscriptions/premium/cancel", `{"payment_token":"tok_other"}`),
		"cancel_invalid":         post("/v1/subscriptions/premium/cancel", `{"at":"tomorrow"}`),
		"cancel_nothing":         func(s *service) answer { return s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "") },
		"resume": func(s *service) answer {
			subscribed(s)
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "")
			return s.do("alice", "POST", "/v1/subscriptions/premium/resume", "")
		},
		"resume_ended": func(s *service) answer {
			subscribed(s)
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`)
			return s.do("alice", "POST", "/v1/subscriptions/premium/resume", "")
		},
		"subscription_over": func(s *service) answer {
			subscribed(s)
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "")
			s.clock.set(s.clock.Now().Add(40 * 24 * time.Hour))
			return s.do("alice", "GET", "/v1/subscriptions/premium", "")
		},
		"history":          get("/v1/history"),
		"payments":         get("/v1/payments"),
		"entitlements":     get("/v1/entitlements"),
		"nothing_yet":      func(s *service) answer { return s.do("alice", "GET", "/v1/subscriptions", "") },
		"no_entitlements":  func(s *service) answer { return s.do("bob", "GET", "/v1/entitlements", "") },
		"of_somebody_else": func(s *service) answer { subscribed(s); return s.do("bob", "GET", "/v1/subscriptions/premium", "") },
		"no_token":         func(s *service) answer { return s.do("", "GET", "/v1/subscriptions", "") },
		"no_such_path":     func(s *service) answer { return s.do("", "GET", "/v2", "") },
		"no_such_method":   func(s *service) answer { return s.do("", "DELETE", "/v1/subscriptions", "") },
		"bad_limit":        get("/v1/history?limit=1000"),
		"bad_cursor":       get("/v1/history?cursor=abc"),
		"too_large":        subscribe(with(strings.Repeat("t", 20_000))),
		"no_media_type": func(s *service) answer {
			return s.do("alice", "POST", "/v1/subscriptions", "{}", header{"Content-Type", ""})
		},
		"bad_key": func(s *service) answer {
			return s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("ключ"))
		},
		"key_of_another": func(s *service) answer {
			s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
			return s.do("alice", "POST", "/v1/subscriptions", with("tok_other"), key("k"))
		},
		"repetition": func(s *service) answer {
			s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
			return s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, filepath.Join("testdata", name+".golden"), dump(t, test(newService(t))))
		})
	}
	wantFiles(t, "testdata", slices.Collect(maps.Keys(tests)))
}

// wantFiles finds files that no test uses any more.
func wantFiles(t *testing.T, dir string, names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !slices.Contains(names, strings.TrimSuffix(filepath.Base(file), ".golden")) {
			t.Errorf("no test uses %s", file)
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file) //nolint:gosec // a file of the tests
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-%s +got):\n%s", file, diff)
	}
}

// dump writes an answer down for people to read.
func dump(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintln(&b, w.Code)
	for _, name := range slices.Sorted(maps.Keys(w.Header())) {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(w.Header()[name], ", "))
	}
	if w.Body.Len() == 0 {
		return b.String()
	}
	fmt.Fprintln(&b)
	if err := json.Indent(&b, bytes.TrimSpace(w.Body.Bytes()), "", "  "); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	fmt.Fprintln(&b)
	return b.String()
}
