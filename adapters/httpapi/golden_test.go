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

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var update = flag.Bool("update", false, "write the responses of the tests to testdata")

// The files show each operation and each error as the client receives it. Run the
// test with -update to write them.
func TestGolden(t *testing.T) {
	t.Parallel()
	type recorder = *httptest.ResponseRecorder
	subscribed := func(s *service) { s.do("alice", "POST", "/v1/subscriptions", subscribeOK) }
	get := func(path string) func(*service) recorder {
		return func(s *service) recorder { subscribed(s); return s.do("alice", "GET", path, "") }
	}
	post := func(path, body string) func(*service) recorder {
		return func(s *service) recorder { subscribed(s); return s.do("alice", "POST", path, body) }
	}
	held := func(method, path, body string) func(*service) recorder {
		return func(s *service) recorder { subscribed(s); s.hold(); return s.do("alice", method, path, body) }
	}
	given := func(method, path, body string) func(*service) recorder {
		return func(s *service) recorder { s.give(); return s.do("alice", method, path, body) }
	}
	subscribe := func(body string) func(*service) recorder {
		return func(s *service) recorder { return s.do("alice", "POST", "/v1/subscriptions", body) }
	}
	tests := map[string]func(*service) recorder{
		"plans":                   func(s *service) recorder { return s.do("", "GET", "/v1/plans", "") },
		"payment_systems":         func(s *service) recorder { return s.do("", "GET", "/v1/payment-systems", "") },
		"subscribe":               subscribe(subscribeOK),
		"subscribe_by_id":         subscribe(strings.Replace(subscribeOK, `plan_code":"premium`, `plan_id":"c0000000-0000-7000-8000-000000000001`, 1)),
		"subscribe_confirm":       subscribe(subscribeWith("tok_3ds")),
		"subscribe_lost_response": subscribe(subscribeWith("tok_lost_response")),
		"subscribe_declined":      subscribe(subscribeWith("tok_declined")),
		"subscribe_unknown":       subscribe(subscribeWith("tok_unknown")),
		"subscribe_unavailable":   subscribe(subscribeWith("tok_unavailable")),
		"subscribe_price":         subscribe(strings.Replace(subscribeOK, "39900", "29900", 1)),
		"subscribe_interval":      subscribe(strings.Replace(subscribeOK, "{", `{"interval_months":12,`, 1)),
		"subscribe_plan":          subscribe(strings.Replace(subscribeOK, "premium", "gold", 1)),
		"subscribe_system":        subscribe(strings.Replace(subscribeOK, "bank", "cash", 1)),
		"subscribe_no_adapter": func(s *service) recorder {
			clear(s.collector.Providers)
			return s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
		},
		"subscribe_invalid":   subscribe(`{"price":{"amount":0,"currency":"roubles"},"payment_token":""}`),
		"subscribe_terms":     subscribe(strings.Replace(subscribeOK, "{", `{"terms_version":"4242 4242 4242 4242",`, 1)),
		"subscribe_no_plan":   subscribe(strings.Replace(subscribeOK, `"plan_code":"premium",`, "", 1)),
		"subscribe_malformed": subscribe(`{"coupon":1}`),
		"subscribe_twice":     post("/v1/subscriptions", subscribeOK),
		"subscriptions":       get("/v1/subscriptions"),
		"events":              func(s *service) recorder { subscribed(s); return s.do("reader", "GET", "/v1/events", "") },
		"events_viewer":       get("/v1/events"),
		"events_expired": func(s *service) recorder {
			return s.do("reader", "GET", "/v1/events?after="+expiredCursor, "")
		},
		"user_entitlements": func(s *service) recorder {
			subscribed(s)
			return s.do("gate", "GET", "/v1/users/alice/entitlements?token=1", "")
		},
		"user_entitlements_unknown": func(s *service) recorder { return s.do("gate", "GET", "/v1/users/nobody/entitlements", "") },
		"user_entitlements_batch": func(s *service) recorder {
			subscribed(s)
			return s.do("gate", "POST", "/v1/entitlements?token=1", `{"user_ids":["alice","nobody"]}`)
		},
		"keys":            func(s *service) recorder { return s.do("", "GET", "/v1/keys", "") },
		"pay":             held("POST", "/v1/subscriptions/premium/pay", payOK),
		"pay_confirm":     held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "tok_new", "tok_3ds", 1)),
		"pay_declined":    held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "tok_new", "tok_declined", 1)),
		"pay_unavailable": held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "tok_new", "tok_unavailable", 1)),
		"pay_price":       held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "39900", "29900", 1)),
		"pay_interval":    held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "{", `{"interval_months":12,`, 1)),
		"pay_system":      held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "bank", "cash", 1)),
		"pay_no_system":   held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, `"payment_system":"bank",`, "", 1)),
		"pay_two_sources": held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "{", `{"payment_method_id":"01981e2c-7d4a-7c10-9a51-000000000000",`, 1)),
		"pay_method":      held("POST", "/v1/subscriptions/premium/pay", `{"price":{"amount":39900,"currency":"RUB"},"payment_method_id":"01981e2c-7d4a-7c10-9a51-000000000000"}`),
		"pay_same_method": held("POST", "/v1/subscriptions/premium/pay", `{"price":{"amount":39900,"currency":"RUB"}}`),
		"pay_nothing_due": post("/v1/subscriptions/premium/pay", payOK),
		"pay_open": func(s *service) recorder {
			held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "tok_new", "tok_3ds", 1))(s)
			return s.do("alice", "POST", "/v1/subscriptions/premium/pay", payOK)
		},
		"on_hold":         held("GET", "/v1/subscriptions/premium", ""),
		"replace":         held("PUT", "/v1/subscriptions/premium/payment-method", replaceOK),
		"replace_missing": held("PUT", "/v1/subscriptions/premium/payment-method", `{}`),
		"replace_open": func(s *service) recorder {
			held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "tok_new", "tok_3ds", 1))(s)
			return s.do("alice", "PUT", "/v1/subscriptions/premium/payment-method", replaceOK)
		},
		"replace_ended": func(s *service) recorder {
			subscribed(s)
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`)
			return s.do("alice", "PUT", "/v1/subscriptions/premium/payment-method", replaceOK)
		},
		"subscribe_group": func(s *service) recorder {
			subscribed(s)
			basic := s.newPlan("c0000000-0000-7000-8000-000000000002", "basic", "Basic")
			if err := s.store.InTx(t.Context(), func(tx ports.Repos) error { return tx.Plans.Add(t.Context(), basic) }); err != nil {
				t.Error(err)
			}
			return s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeOK, "premium", "basic", 1))
		},
		"given_subscriptions":   given("GET", "/v1/subscriptions", ""),
		"given_entitlements":    given("GET", "/v1/entitlements", ""),
		"given_history":         given("GET", "/v1/history", ""),
		"given_subscribe":       given("POST", "/v1/subscriptions", subscribeOK),
		"given_resume":          given("POST", "/v1/subscriptions/premium/resume", ""),
		"given_pay":             given("POST", "/v1/subscriptions/premium/pay", `{"price":{"amount":39900,"currency":"RUB"}}`),
		"given_replace":         given("PUT", "/v1/subscriptions/premium/payment-method", replaceOK),
		"given_cancel_by_token": given("POST", "/v1/subscriptions/premium/cancel", `{"payment_token":"tok_other"}`),
		"given_cancel_now": func(s *service) recorder {
			s.give()
			return s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`, key("k"))
		},
		"given_subscribe_later": func(s *service) recorder {
			s.give()
			s.clock.Advance(3 * 24 * time.Hour)
			return s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
		},
		"subscription":       get("/v1/subscriptions/premium"),
		"cancel":             post("/v1/subscriptions/premium/cancel", ""),
		"cancel_now":         post("/v1/subscriptions/premium/cancel", `{"at":"now"}`),
		"cancel_other_token": post("/v1/subscriptions/premium/cancel", `{"payment_token":"tok_other"}`),
		"cancel_invalid":     post("/v1/subscriptions/premium/cancel", `{"at":"tomorrow"}`),
		"cancel_none":        func(s *service) recorder { return s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "") },
		"resume": func(s *service) recorder {
			subscribed(s)
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "")
			return s.do("alice", "POST", "/v1/subscriptions/premium/resume", "")
		},
		"resume_ended": func(s *service) recorder {
			subscribed(s)
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`)
			return s.do("alice", "POST", "/v1/subscriptions/premium/resume", "")
		},
		"subscription_ended": func(s *service) recorder {
			subscribed(s)
			s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "")
			s.clock.Advance(40 * 24 * time.Hour)
			return s.do("alice", "GET", "/v1/subscriptions/premium", "")
		},
		"history": get("/v1/history"),
		"history_reminder": func(s *service) recorder {
			subscribed(s)
			s.clock.Advance(29 * 24 * time.Hour)
			q := ports.ReminderQuery{
				Reason: billing.ReminderLaw, Rules: billing.ReminderRules{Notice: 24 * time.Hour}, Now: s.clock.Now(),
				IDs: []billing.EventID{"e0000000-0000-7000-8000-000000000001"},
			}
			if err := s.store.InTx(t.Context(), func(tx ports.Repos) error { _, err := tx.Reminders.Add(t.Context(), q); return err }); err != nil {
				t.Error(err)
			}
			return s.do("alice", "GET", "/v1/history?limit=1", "")
		},
		"history_pay": func(s *service) recorder {
			held("POST", "/v1/subscriptions/premium/pay", strings.Replace(payOK, "{", `{"terms_version":"2026-04",`, 1))(s)
			return s.do("alice", "GET", "/v1/history?limit=2", "")
		},
		"history_terms": func(s *service) recorder {
			s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeWith("tok_declined"), "{", `{"terms_version":"2026-03",`, 1))
			return s.do("alice", "GET", "/v1/history", "")
		},
		"payments": get("/v1/payments"),
		"payment": func(s *service) recorder {
			subscribed(s)
			return s.do("alice", "GET", "/v1/payments/"+s.firstID("alice", "/v1/payments"), "")
		},
		"payment_receipt": func(s *service) recorder {
			s.subscribeForReceipt("registered")
			return s.do("alice", "GET", "/v1/payments/"+s.firstID("alice", "/v1/payments"), "")
		},
		"payments_receipt_failed": func(s *service) recorder {
			s.subscribeForReceipt("failed")
			return s.do("alice", "GET", "/v1/payments", "")
		},
		"payment_systems_receipts": func(s *service) recorder {
			s.bank.receipts = &billing.ReceiptTerms{Mode: billing.FullPayment}
			return s.do("", "GET", "/v1/payment-systems", "")
		},
		"subscribe_no_contact": func(s *service) recorder {
			s.bank.receipts = &billing.ReceiptTerms{Mode: billing.FullPayment}
			return s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
		},
		"subscribe_invalid_contact": func(s *service) recorder {
			s.bank.receipts = &billing.ReceiptTerms{Mode: billing.FullPayment}
			return s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeOK, "{", `{"receipt":{"email":"alice"},`, 1))
		},
		"payment_other_viewer": func(s *service) recorder {
			subscribed(s)
			return s.do("bob", "GET", "/v1/payments/"+s.firstID("alice", "/v1/payments"), "")
		},
		"entitlements":              get("/v1/entitlements"),
		"subscriptions_none":        func(s *service) recorder { return s.do("alice", "GET", "/v1/subscriptions", "") },
		"entitlements_none":         func(s *service) recorder { return s.do("bob", "GET", "/v1/entitlements", "") },
		"subscription_other_viewer": func(s *service) recorder { subscribed(s); return s.do("bob", "GET", "/v1/subscriptions/premium", "") },
		"no_token":                  func(s *service) recorder { return s.do("", "GET", "/v1/subscriptions", "") },
		"no_such_path":              func(s *service) recorder { return s.do("", "GET", "/v2", "") },
		"no_such_method":            func(s *service) recorder { return s.do("", "DELETE", "/v1/subscriptions", "") },
		"bad_limit":                 get("/v1/history?limit=1000"),
		"bad_cursor":                get("/v1/history?cursor=abc"),
		"bad_query":                 get("/v1/history?page=2"),
		"too_large":                 subscribe(subscribeWith(strings.Repeat("t", 20_000))),
		"no_media_type": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", "{}", header{"Content-Type", ""})
		},
		"bad_key": func(s *service) recorder {
			return s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("ключ"))
		},
		"key_reused": func(s *service) recorder {
			s.do("alice", "POST", "/v1/subscriptions", subscribeOK, key("k"))
			return s.do("alice", "POST", "/v1/subscriptions", subscribeWith("tok_other"), key("k"))
		},
		"key_reused_terms": func(s *service) recorder { // an interval in one request, a version of the terms in the other
			s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeOK, "{", `{"interval_months":1,`, 1), key("k"))
			return s.do("alice", "POST", "/v1/subscriptions", strings.Replace(subscribeOK, "{", `{"terms_version":"1",`, 1), key("k"))
		},
		"replay": func(s *service) recorder {
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

// wantFiles reports golden files that no test uses.
func wantFiles(t *testing.T, dir string, names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !slices.Contains(names, strings.TrimSuffix(filepath.Base(file), ".golden")) {
			t.Errorf("no test uses %s; delete it", file)
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

// dump formats a response: its status, its headers by name, and its indented body.
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
		t.Fatalf("the body is not JSON: %v in %q", err, w.Body)
	}
	fmt.Fprintln(&b)
	return b.String()
}
