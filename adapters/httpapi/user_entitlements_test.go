package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The viewer subscribes on 1 March at 10:00 for a month.
func TestGetUserEntitlements(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	const path = "/v1/users/alice/entitlements"
	w := s.do("gate", "GET", path, "")
	const want = `{"features":["downloads","hd"],"max_age":60,"until":"2026-04-02T10:00:00Z","user_id":"alice"}`
	if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || got != want {
		t.Errorf("got %d %s, want %s", w.Code, got, want)
	}
	expectHeader(t, w, "Cache-Control", "private, max-age=60")
	expectHeader(t, w, "Vary", "Authorization")
	if w = s.do("gate", "GET", "/v1/users/"+string(alice)+"/entitlements", ""); w.Code != 200 {
		t.Errorf("by id: got %d %s", w.Code, w.Body)
	}
	for name, code := range map[string]int{"nobody": 404, string(bob): 404, strings.Repeat("a", 256): 404} {
		if w := s.do("gate", "GET", "/v1/users/"+name+"/entitlements", ""); w.Code != code {
			t.Errorf("%.40s: got %d %s, want %d", name, w.Code, w.Body, code)
		}
	}
	s.clock.Advance(time.Date(2026, 4, 2, 9, 59, 50, 0, time.UTC).Sub(s.clock.Now()))
	expectHeader(t, s.do("gate", "GET", path, ""), "Cache-Control", "private, max-age=10")
	s.clock.Advance(time.Minute)
	w = s.do("gate", "GET", path, "")
	expectHeader(t, w, "Cache-Control", "private, max-age=0")
	if want := `{"features":[],"max_age":0,"until":null,"user_id":"alice"}`; strings.TrimSpace(w.Body.String()) != want {
		t.Errorf("after the end: got %s, want %s", w.Body, want)
	}
}

// A viewer's token never reads another viewer's entitlements, nor its own by this way.
func TestUserEntitlements_ViewersAreRefused(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, name := range []string{"alice", "bob", string(alice)} {
		if w := s.do("alice", "GET", "/v1/users/"+name+"/entitlements", ""); w.Code != 403 {
			t.Errorf("%s: got %d %s, want 403", name, w.Code, w.Body)
		}
	}
	if w := s.do("alice", "POST", "/v1/entitlements", `{"user_ids":["bob"]}`); w.Code != 403 {
		t.Errorf("got %d %s, want 403", w.Code, w.Body)
	}
}

type userEntitlements struct {
	UserID   string `json:"user_id"`
	Features []string
	Token    *string
}

func (s *service) entitlementsOf(query string, names ...string) (list []userEntitlements) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"user_ids": names})
	if err != nil {
		s.t.Fatal(err)
	}
	w := s.do("gate", "POST", "/v1/entitlements"+query, string(body))
	var page struct{ Data []userEntitlements }
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 {
		s.t.Fatalf("%v: got %d %s", err, w.Code, w.Body)
	}
	return page.Data
}

func TestListUserEntitlements(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	want := []userEntitlements{
		{"nobody", []string{}, nil}, {"alice", []string{"downloads", "hd"}, nil}, {string(bob), []string{}, nil}, {string(alice), []string{"downloads", "hd"}, nil},
		{"alice", []string{"downloads", "hd"}, nil},
	}
	if diff := cmp.Diff(want, s.entitlementsOf("", "nobody", "alice", string(bob), string(alice), "alice")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	longest := make([]string, 100)
	for i := range longest {
		longest[i] = fmt.Sprintf("%0255d", i)
	}
	if got := s.entitlementsOf("", longest...); len(got) != 100 || got[99].UserID != longest[99] {
		t.Errorf("got %d entries", len(got))
	}
	for body, code := range map[string]int{
		`{"user_ids":[]}`: 422, `{}`: 422, `{"user_ids":[""]}`: 422, `{"user_ids":"alice"}`: 400, `{"user_ids":[1]}`: 400,
		`{"user_ids":["` + strings.Join(append(longest[:99:99], "a", "b"), `","`) + `"]}`: 422, `{"user_ids":["` + strings.Repeat("a", 256) + `"]}`: 422,
	} {
		if w := s.do("gate", "POST", "/v1/entitlements", body); w.Code != code {
			t.Errorf("%.60s: got %d %s, want %d", body, w.Code, w.Body, code)
		}
	}
}

// The token expires with the access, and after 24 hours at the latest.
func TestUserEntitlements_OfflineTokens(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	token := func() string {
		t.Helper()
		list := s.entitlementsOf("?token=1", "alice", "bob")
		if list[0].Token == nil || list[1].Token != nil {
			t.Fatalf("got %+v, want a token for the viewer with features alone", list)
		}
		w := s.do("gate", "GET", "/v1/users/alice/entitlements?token=1", "")
		if !strings.Contains(w.Body.String(), *list[0].Token) {
			t.Errorf("got %s without the token %s", w.Body, *list[0].Token)
		}
		return *list[0].Token
	}
	if got, want := token(), string(alice)+" alice [downloads hd] 2026-03-02T10:00:00Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.clock.Advance(time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC).Sub(s.clock.Now()))
	if got, want := token(), string(alice)+" alice [downloads hd] 2026-04-02T10:00:00Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if w := s.do("gate", "POST", "/v1/entitlements?token=2", `{"user_ids":["alice"]}`); w.Code != 422 {
		t.Errorf("token=2: got %d, want 422", w.Code)
	}
}

func TestUserEntitlements_WithoutKey(t *testing.T) {
	t.Parallel()
	s := newService(t, func(c *Config) { c.SignOffline, c.KeySet = nil, nil })
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	for _, w := range []int{
		s.do("gate", "GET", "/v1/users/alice/entitlements?token=1", "").Code, s.do("gate", "POST", "/v1/entitlements?token=1", `{"user_ids":["bob"]}`).Code,
	} {
		if w != 409 {
			t.Errorf("got %d, want 409", w)
		}
	}
	if w := s.do("", "GET", "/v1/keys", ""); w.Code != 404 {
		t.Errorf("got %d %s, want 404", w.Code, w.Body)
	}
}

func TestListKeys(t *testing.T) {
	t.Parallel()
	s := newService(t)
	w := s.do("", "GET", "/v1/keys", "")
	if w.Code != 200 || w.Body.String() != string(s.config.KeySet) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	expectHeader(t, w, "Cache-Control", "public, max-age=300")
}
