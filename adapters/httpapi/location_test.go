package httpapi

import (
	"net/http/httptest"
	"testing"
)

// The path in Location leads to the created resource, also in a replay.
func TestLocation(t *testing.T) {
	t.Parallel()
	const card = `{"number":"4242 4242 4242 4242","exp_month":12,"exp_year":2031}`
	tests := map[string]struct {
		path, body string
		status     int
	}{
		"subscription":            {"/v1/subscriptions", subscribeOK, 201},
		"incomplete subscription": {"/v1/subscriptions", subscribeWith("tok_3ds"), 202},
		"card":                    {"/v1/cards", card, 201},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			send := func() *httptest.ResponseRecorder { return s.do("alice", "POST", test.path, test.body, key("k")) }
			first := send()
			want := test.path + "/" + s.firstID("alice", test.path)
			if got := first.Header().Get("Location"); first.Code != test.status || got != want {
				t.Errorf("got %d with Location %q, want %d with %q", first.Code, got, test.status, want)
			}
			if got := send().Header().Get("Location"); got != want {
				t.Errorf("replay: Location %q, want %q", got, want)
			}
			if w := s.do("alice", "GET", want, ""); w.Code != 200 {
				t.Errorf("GET %s: got %d %s", want, w.Code, w.Body)
			}
			if w := s.do("bob", "GET", want, ""); w.Code != 404 {
				t.Errorf("GET %s as another viewer: got %d %s", want, w.Code, w.Body)
			}
		})
	}
	for path, body := range map[string]string{"/v1/subscriptions": subscribeWith("tok_declined"), "/v1/cards": "{}"} {
		if w := newService(t).do("alice", "POST", path, body); w.Header().Get("Location") != "" {
			t.Errorf("%s: got %d with Location %q", path, w.Code, w.Header().Get("Location"))
		}
	}
}
