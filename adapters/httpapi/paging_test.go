package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

type item struct{ ID string }

type listPage struct {
	Data []item
	Next *string `json:"next_cursor"`
}

// walk reads all pages of a list and returns its items and the number of pages. A path
// with a query ends with &.
func walk(t *testing.T, s *service, path string, limit int) (all []item, pages int) {
	t.Helper()
	if !strings.HasSuffix(path, "&") {
		path += "?"
	}
	query := fmt.Sprintf("limit=%d", limit)
	for {
		w := s.do("alice", "GET", path+query, "")
		var page listPage
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Data) > limit {
			t.Fatalf("%s%s: %v, %d items", path, query, err, len(page.Data))
		}
		all, pages = append(all, page.Data...), pages+1
		if page.Next == nil {
			return all, pages
		}
		query = fmt.Sprintf("limit=%d&cursor=%s", limit, url.QueryEscape(*page.Next))
	}
}

func TestPaging_VisitsEachItemOnce(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for range 6 {
		s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
		s.do("alice", "POST", "/v1/subscriptions/premium/cancel", `{"at":"now"}`)
		s.do("bob", "POST", "/v1/subscriptions", subscribeWith("tok_declined"))
	}
	for _, token := range []string{"tok_secret_1", "tok_secret_2"} {
		s.link(linkWith(token))
	}
	for path, want := range map[string]int{"/v1/subscriptions": 6, "/v1/payments": 6, "/v1/history": 26, "/v1/payment-methods": 3} {
		whole, _ := walk(t, s, path, 100)
		if len(whole) != want {
			t.Errorf("%s: %d items, want %d", path, len(whole), want)
		}
		if !slices.IsSortedFunc(whole, func(a, b item) int { return strings.Compare(b.ID, a.ID) }) {
			t.Errorf("%s: want newest first, got %v", path, whole)
		}
		for limit := 1; limit <= want+1; limit++ {
			parts, pages := walk(t, s, path, limit)
			if !slices.Equal(parts, whole) || pages != (want+limit-1)/limit {
				t.Errorf("%s with limit %d: %d pages, %v", path, limit, pages, parts)
			}
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) { c.Subscriber.Limits = billing.CardLimits{} })
	s.do("alice", "POST", "/v1/subscriptions", subscribeWith("tok_declined"))
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	for path, want := range map[string]int{
		"/v1/subscriptions?plan=premium":                              2,
		"/v1/subscriptions?plan=c0000000-0000-7000-8000-000000000001": 2,
		"/v1/subscriptions?plan=gold":                                 0,
		"/v1/subscriptions?plan=%27":                                  0,
		"/v1/subscriptions?status=active":                             1,
		"/v1/subscriptions?status=ended&plan=premium":                 1,
		"/v1/subscriptions?status=past_due":                           0,
		"/v1/payments?status=succeeded":                               1,
		"/v1/payments?status=declined&plan=premium":                   1,
		"/v1/payments?status=succeeded&plan=gold":                     0,
		"/v1/payments?plan=%27":                                       0,
	} {
		w := s.do("alice", "GET", path, "")
		var page listPage
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || page.Data == nil || len(page.Data) != want {
			t.Errorf("%s: got %d %s, want %d items", path, w.Code, w.Body, want)
		}
	}
	for _, query := range []string{"status=", "status=trial", "status=active&status=ended", "plan="} {
		if w := s.do("alice", "GET", "/v1/subscriptions?"+query, ""); w.Code != 422 {
			t.Errorf("?%s: got %d %s, want 422", query, w.Code, w.Body)
		}
	}

	// The cancelled subscription is over, although it is still stored as active.
	s.do("alice", "POST", "/v1/subscriptions/premium/cancel", "")
	s.clock.Advance(40 * 24 * time.Hour)
	for status, want := range map[string]int{"active": 0, "ended": 2} {
		if all, pages := walk(t, s, "/v1/subscriptions?status="+status+"&", 1); len(all) != want || pages != max(want, 1) {
			t.Errorf("status %s after the end: got %v on %d pages, want %d items", status, all, pages, want)
		}
	}
}

func TestPaging_Parameters(t *testing.T) {
	t.Parallel()
	s := newService(t)
	cursor := func(text string) string { return "cursor=" + base64.RawURLEncoding.EncodeToString([]byte(text)) }
	tests := map[string]int{
		"":          200,
		"limit=1":   200,
		"limit=100": 200,
		"other=1":   400,
		cursor("v1:00000000-0000-7000-8000-000000000001"): 200,
		"limit=0":                            422,
		"limit=101":                          422,
		"limit=-1":                           422,
		"limit=x":                            422,
		"limit=":                             422,
		"limit=1.0":                          422,
		"limit=1e1":                          422,
		"limit=0x1":                          422,
		"limit=9223372036854775808":          422,
		"limit=%00":                          422,
		"limit=%ff":                          422,
		"limit=1&limit=2":                    422,
		"cursor=":                            422,
		"cursor=x":                           422,
		"cursor=%00":                         422,
		"cursor=" + strings.Repeat("a", 300): 422,
		"limit=1&cursor=%zz":                 422, "limit=1;cursor=x": 422,
		cursor("v1:"):        422,
		cursor("v1:premium"): 422,
		cursor("v2:00000000-0000-7000-8000-000000000001"): 422,
		cursor("v1:' or 1=1"):                             422,
		cursor("v1:\x00"):                                 422,
	}
	for query, want := range tests {
		for _, path := range []string{"/v1/history", "/v1/payments", "/v1/subscriptions"} {
			if w := s.do("alice", "GET", path+"?"+query, ""); w.Code != want {
				t.Errorf("%s?%.40s: got %d %s, want %d", path, query, w.Code, w.Body, want)
			}
		}
	}
}
