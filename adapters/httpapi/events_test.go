package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each operation for services names the scope that it needs.
func TestGuard_ServiceOperationsHaveScope(t *testing.T) {
	t.Parallel()
	for _, op := range operations(newResponseChecker(t).doc) {
		forServices := op.Security != nil && len(*op.Security) > 0 && (*op.Security)[0]["serviceAuth"] != nil
		if _, ok := op.Extensions[scopeExtension].(string); ok != forServices {
			t.Errorf("%s: is for services: %t; has %s: %t", op.OperationID, forServices, scopeExtension, ok)
		}
	}
}

func TestAuthorize_Scopes(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, op := range operations(s.checker.doc) {
		scope, ok := op.Extensions[scopeExtension].(string)
		if !ok {
			continue
		}
		for token, scopes := range services {
			a := op.exampleRequest()
			a.user = token
			w, has := s.send(t, a), slices.Contains(scopes, scope)
			if (w.Code == 403) == has {
				t.Errorf("%s with the scopes %q: got %d %s", op.OperationID, scopes, w.Code, w.Body)
			}
			want := fmt.Sprintf(`Bearer realm="billing", error="insufficient_scope", scope="%s"`, scope)
			if got := w.Header().Get("WWW-Authenticate"); !has && got != want {
				t.Errorf("%s: got WWW-Authenticate: %s, want %s", op.OperationID, got, want)
			}
		}
	}
}

// feedPage is a page of the feed as a client reads it.
type feedPage struct {
	Data []struct {
		Type   string
		UserID string `json:"user_id"`
	} `json:"data"`
	NextCursor string `json:"next_cursor"`
}

func (s *service) feed(query string) (page feedPage) {
	s.t.Helper()
	w := s.do("reader", "GET", "/v1/events?"+query, "")
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || page.NextCursor == "" {
		s.t.Fatalf("%s: %v; got %d %s", query, err, w.Code, w.Body)
	}
	return page
}

func (p feedPage) events() (list []string) {
	for _, e := range p.Data {
		list = append(list, e.UserID[:1]+" "+e.Type)
	}
	return list
}

func TestListEvents(t *testing.T) {
	t.Parallel()
	s := newService(t)
	start := s.feed("")
	s.do("alice", "POST", "/v1/subscriptions", subscribeOK)
	s.do("bob", "POST", "/v1/subscriptions", subscribeOK)
	all := s.feed("").events()
	if subscribed := s.feed("types=subscribed,other").events(); !slices.Equal(subscribed, []string{"a subscribed", "b subscribed"}) || len(all) < 4 {
		t.Fatalf("got %q of type subscribed, and %q of all types", subscribed, all)
	}
	var got []string
	for page := s.feed("limit=1&after=" + start.NextCursor); len(page.Data) > 0; page = s.feed("limit=1&after=" + page.NextCursor) {
		got = append(got, page.events()...)
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Errorf("events in pages of one (-want +got):\n%s", diff)
	}
	for query, want := range map[string][]string{
		"limit=3": all[:3], "from=2026-03-01T10:00:00Z": all, "from=2026-03-01T13:00:00%2B03:00": all, "from=2026-03-01T10:00:01Z": nil,
	} {
		if diff := cmp.Diff(want, s.feed(query).events()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// expiredCursor is a cursor of another epoch: f1:other:0:0:
const expiredCursor = "ZjE6b3RoZXI6MDowOg"

func TestListEvents_Errors(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for query, want := range map[string]int{
		"limit=5001": 422, "limit=0": 422, "after=x": 422, "from=yesterday": 422, "types=": 422, "types=a,": 422, "types=A": 422, "cursor=x": 400,
		"from=2026-03-01T10:00:00Z&after=" + s.feed("").NextCursor: 422,
		"after=" + expiredCursor:                                   410,
	} {
		if w := s.do("reader", "GET", "/v1/events?"+query, ""); w.Code != want {
			t.Errorf("%s: got %d %s, want %d", query, w.Code, w.Body, want)
		}
	}
}
