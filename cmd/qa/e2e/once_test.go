package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// subscribeConcurrently sends n subscribe requests at the same time, alternating
// between the APIs.
func subscribeConcurrently(t *testing.T, n int, apis []api, v viewer, key func(int) string) []response {
	t.Helper()
	responses := make([]response, n)
	var all sync.WaitGroup
	for i := range responses {
		all.Go(func() {
			var err error
			responses[i], err = apis[i%len(apis)].at(v).try(t.Context(), http.MethodPost, "/v1/subscriptions", key(i), subscribeBody("tok_ok"))
			if err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	all.Wait()
	return responses
}

func TestSubscribe_ConcurrentRequestsWithOneKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	apis := []api{w.api(t, "billing-api"), w.api(t, "billing-api")}
	alice := w.viewer(t, "alice")
	responses := subscribeConcurrently(t, 100, apis, alice, func(int) string { return "once" })
	first := untilFinal(t, apis[0].at(alice), "/v1/subscriptions", "once", subscribeBody("tok_ok"))
	if first.status != http.StatusCreated {
		t.Errorf("the request again: %d %s, want 201", first.status, first.text)
	}
	for i, a := range responses {
		if a.body.Code != "request_in_progress" && (a.status != first.status || a.text != first.text) {
			t.Errorf("response %d is %d %s, want %d %s", i, a.status, a.text, first.status, first.text)
		}
	}
	for _, a := range apis {
		again := a.at(alice).call(t, http.MethodPost, "/v1/subscriptions", "once", subscribeBody("tok_ok"))
		if again.status != first.status || again.text != first.text {
			t.Errorf("the request again: %d %s, want %d %s", again.status, again.text, first.status, first.text)
		}
	}
	w.checkLedger(t, 1)
}

func TestSubscribe_ConcurrentRequestsWithManyKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	apis := []api{w.api(t, "billing-api"), w.api(t, "billing-api")}
	alice := w.viewer(t, "alice")
	counts := map[string]int{}
	for _, a := range subscribeConcurrently(t, 50, apis, alice, func(i int) string { return fmt.Sprint("key-", i) }) {
		counts[fmt.Sprint(a.status, " ", a.body.Code)]++
	}
	if counts["201 "] != 1 || counts["409 already_subscribed"] != 49 {
		t.Errorf("responses %v, want one 201 and 49 times 409 already_subscribed", counts)
	}
	checkSettled(t, apis[1].at(alice))
	w.checkLedger(t, 1)
}
