package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// atOnce sends n subscribes at the same time, to one API and the other in turn.
func atOnce(t *testing.T, n int, apis []api, v viewer, key func(int) string) []answer {
	t.Helper()
	answers := make([]answer, n)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			var err error
			answers[i], err = apis[i%len(apis)].at(v).try(t.Context(), http.MethodPost, "/v1/subscriptions", key(i), subscribing("tok_ok"))
			if err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	all.Wait()
	return answers
}

// A hundred times the same request, through two APIs on one database.
func TestOneKeyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	apis := []api{w.api(t, "billing-api"), w.api(t, "billing-api")}
	alice := w.viewer(t, "alice")
	answers := atOnce(t, 100, apis, alice, func(int) string { return "once" })
	first := definite(t, apis[0].at(alice), "/v1/subscriptions", "once", subscribing("tok_ok"))
	if first.status != http.StatusCreated {
		t.Errorf("asked again: %d %s", first.status, first.text)
	}
	for i, a := range answers {
		if a.body.Code != "request_in_progress" && (a.status != first.status || a.text != first.text) {
			t.Errorf("answer %d is %d %s, want %d %s", i, a.status, a.text, first.status, first.text)
		}
	}
	for _, a := range apis {
		again := a.at(alice).call(t, http.MethodPost, "/v1/subscriptions", "once", subscribing("tok_ok"))
		if again.status != first.status || again.text != first.text {
			t.Errorf("asked again: %d %s, want %d %s", again.status, again.text, first.status, first.text)
		}
	}
	w.agree(t, 1)
}

// Fifty wishes of one viewer for one plan, through two APIs on one database.
func TestManyKeysAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	apis := []api{w.api(t, "billing-api"), w.api(t, "billing-api")}
	alice := w.viewer(t, "alice")
	counts := map[string]int{}
	for _, a := range atOnce(t, 50, apis, alice, func(i int) string { return fmt.Sprint("key-", i) }) {
		counts[fmt.Sprint(a.status, " ", a.body.Code)]++
	}
	if counts["201 "] != 1 || counts["409 already_subscribed"] != 49 {
		t.Errorf("answers %v, want one 201 and 49 times 409 already_subscribed", counts)
	}
	checkSettled(t, apis[1].at(alice))
	w.agree(t, 1)
}
