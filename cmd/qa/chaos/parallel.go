package main

import (
	"fmt"
	"net/http"
)

func parallel() []scenario {
	return []scenario{
		{
			name: "parallel/one key", short: 3, long: 20,
			description: "100 times the same request at once, through two APIs: one charge; answers are equal or request_in_progress",
			run:         oneKey,
		},
		{
			name: "parallel/many keys", short: 1, long: 20,
			description: "50 wishes of a viewer for one plan at once, through two APIs, ten times: one subscription, the others are told so",
			run:         manyKeys,
		},
	}
}

// atOnce sends n subscribes of one viewer at the same time, to all APIs in turn.
func (w *world) subscribeConcurrently(n int, v viewer, key func(int) string) []response {
	responses := make([]response, n)
	forEach(n, responses, func(i int, _ response) {
		var err error
		if responses[i], err = v.send(w.ctx, w.runningAPI(i), http.MethodPost, "/v1/subscriptions", key(i), subscribeBody("tok_ok")); err != nil {
			w.violated("request %d: %v", i, err)
		}
	})
	w.count("requests at once", n)
	return responses
}

func oneKey(t *trial) {
	w := t.world()
	w.api()
	w.api()
	viewers, active := 1, 0
	if t.long {
		viewers = 10
	}
	for i := range viewers {
		if w.sendHundred(w.viewer(fmt.Sprint("viewer-", i))) {
			active++
		}
	}
	if active == 0 {
		t.noFault("the payment system was too slow for each of %d viewers", viewers)
	}
	w.check()
	if got := w.queryInt(`SELECT count(*) FROM simulator.charges`); got < active || got > viewers {
		w.violated("%d charges, want %d to %d", got, active, viewers)
	}
}

// hundredTimes sends the same request of a viewer a hundred times at the same time.
// It reports whether the viewer has paid. On a slow machine the payment system may
// not accept a connection in time: that is a 503 which frees the key, or a 202 for a
// payment that is abandoned later.
func (w *world) sendHundred(v viewer) (active bool) {
	responses := w.subscribeConcurrently(100, v, func(int) string { return "once" })
	last := v.retry(http.MethodPost, "/v1/subscriptions", "once", subscribeBody("tok_ok"))
	if last.status != http.StatusCreated && last.status != http.StatusAccepted {
		w.violated("asked again: %v", last)
	}
	for i, a := range responses {
		if a.definite() && (a.status != last.status || a.text != last.text) {
			w.violated("request %d was answered %v, want %v", i, a, last)
		}
		if !a.definite() && a.status != http.StatusConflict && a.status != http.StatusServiceUnavailable {
			w.violated("request %d was answered %v", i, a)
		}
		if !a.definite() {
			w.count("answers request_in_progress", 1)
		}
	}
	w.count("hundreds of equal requests", 1)
	return last.status == http.StatusCreated
}

// charged looks how often money moved.
func (w *world) checkCharges(want int) {
	if got := w.queryInt(`SELECT count(*) FROM simulator.charges`); got != want {
		w.violated("%d charges, want %d", got, want)
	}
}

func manyKeys(t *trial) {
	w := t.world()
	w.api()
	w.api()
	const viewers = 10 // the two APIs do not come to the same moment every time
	for n := range viewers {
		v := w.viewer(fmt.Sprint("viewer-", n))
		// A token that is new makes one wait for the other, and the rule is not needed.
		if a := v.retry(http.MethodPost, "/v1/subscriptions", "another-plan", subscribeBodyFor("basic", 19900, "tok_ok")); a.status != http.StatusCreated {
			w.violated("a subscription to another plan: %v", a)
		}
		got := map[string]int{}
		for _, a := range w.subscribeConcurrently(50, v, func(i int) string { return fmt.Sprint("key-", i) }) {
			got[fmt.Sprint(a.status, " ", a.body.Code)]++
		}
		if got["201 "]+got["202 "] != 1 || got["409 already_subscribed"] != 49 {
			w.violated("answers %v, want one 201 and 49 times 409 already_subscribed", got)
		}
	}
	w.check()
	w.checkCharges(2 * viewers)
}
