package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// parseJSON accepts only JSON that encoding/json accepts too, and returns 400 for
// any other text.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		subscribeOK, `{}`, `[1,-0,1e400,9223372036854775808]`, `"\u0000"`, `"\ud800"`, "\xff", `{"a":1,"a":1}`,
		strings.Repeat("[", 40), "", " ", "nul", `{"a"`, `{1:2}`, "[,]", "\ufeff{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := parseJSON(text)
		var invalid *httpError
		switch {
		case err == nil && !json.Valid(text):
			t.Errorf("%q is not JSON, but was parsed as %v", text, v)
		case err != nil && (!errors.As(err, &invalid) || invalid.status != http.StatusBadRequest):
			t.Errorf("%q: %v", text, err)
		}
	})
}

// No request gets a 5xx, and each response conforms to the document.
func FuzzRequests(f *testing.F) {
	f.Add("/v1/subscriptions", "", subscribeOK, "k")
	f.Add("/v1/subscriptions/premium/cancel", "", `{"at":"now"}`, "k")
	f.Add("/v1/subscriptions/premium/resume", "x=%", "", "")
	f.Add("/v1/history", "limit=1&cursor=djE6eA", "", "\x00")
	f.Fuzz(func(t *testing.T, path, query, body, k string) {
		s := newService(t)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			for range 2 {
				w := s.do("alice", method, path+"?"+query, body, key(k), header{"Content-Type", "application/json"})
				if w.Code >= 500 {
					t.Errorf("%s: got %d %s", method, w.Code, w.Body)
				}
			}
		}
	})
}

// Each valid cursor holds an id, and each id has exactly one cursor.
func FuzzCursor(f *testing.F) {
	const id = "00000000-0000-7000-8000-000000000001"
	for _, text := range []string{"v1:" + id, "v1:" + strings.ToUpper(id), "v2:" + id, "v1:", "v1:' OR 1=1", "v1:" + id + "\n", id, "v1:\x00"} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(text)), 20)
	}
	f.Add("djE6=", 0)
	f.Add(newCursor(id)+"\n", 20) // encoding/base64 skips line breaks
	f.Fuzz(func(t *testing.T, cursor string, limit int) {
		p, err := parsePage(&limit, &cursor)
		if err != nil {
			if !errors.Is(err, billing.ErrInvalid) || p.Before != "" {
				t.Fatalf("%q: %v, %+v", cursor, err, p)
			}
			return
		}
		_, next := trimPage([]string{p.Before, ""}, ports.Page{Limit: 2}, func(id string) string { return id })
		if !billing.IsID(p.Before) || *next != cursor {
			t.Fatalf("%q is parsed as %q, which has the cursor %q", cursor, p.Before, *next)
		}
	})
}
