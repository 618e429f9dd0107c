package main

import (
	"fmt"
	"net/http"
)

// parallel returns the scenarios with many concurrent requests of one viewer.
func parallel() []scenario {
	return []scenario{
		{
			name: "parallel/one key", short: 3, long: 20,
			description: "the same request 100 times at the same time, through two APIs: one charge; responses are equal or request_in_progress",
			run:         oneKey,
		},
		{
			name: "parallel/many keys", short: 1, long: 20,
			description: "50 subscribe requests of a viewer for one plan at the same time, through two APIs, ten times: one subscription; the other requests get already_subscribed",
			run:         manyKeys,
		},
		{
			name: "parallel/plans of a group", short: 1, long: 20,
			description: "25 subscribe requests of a viewer for each of two plans of a group at the same time, through two APIs, ten times: one subscription; the other requests get already_subscribed or plan_group_taken",
			run:         plansOfGroup,
		},
	}
}

// subscribeConcurrently sends n subscribe requests of a viewer at the same time, to the
// running APIs in turn.
func (w *world) subscribeConcurrently(n int, v viewer, key, body func(int) string) []response {
	responses := make([]response, n)
	forEach(n, responses, func(i int, _ response) {
		var err error
		if responses[i], err = v.send(w.ctx, w.runningAPI(i), http.MethodPost, "/v1/subscriptions", key(i), body(i)); err != nil {
			w.violated("request %d: %v", i, err)
		}
	})
	w.count("requests at once", n)
	return responses
}

func oneKey(t *trial) {
	w := t.world("BILLING_CHARGE_TIMEOUT=5s")
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

// sendHundred sends the same request of a viewer a hundred times at the same time. It
// reports whether the viewer has paid. On a slow machine the payment system may accept
// no connection in time. The request then gets 503, which frees the key, or 202 for a
// payment that is abandoned later.
func (w *world) sendHundred(v viewer) (active bool) {
	responses := w.subscribeConcurrently(100, v, func(int) string { return "once" }, toPremium)
	last := v.retry(http.MethodPost, "/v1/subscriptions", "once", subscribeBody("tok_ok"))
	if last.status != http.StatusCreated && last.status != http.StatusAccepted {
		w.violated("the retry got %v, want 201 or 202", last)
	}
	for i, a := range responses {
		if a.definite() && (a.status != last.status || a.text != last.text) {
			w.violated("request %d got %v, want %v", i, a, last)
		}
		if !a.definite() && a.status != http.StatusConflict && a.status != http.StatusServiceUnavailable {
			w.violated("request %d got %v, want a definite response, 409 or 503", i, a)
		}
		if !a.definite() {
			w.count("answers request_in_progress", 1)
		}
	}
	w.count("hundreds of equal requests", 1)
	return last.status == http.StatusCreated
}

// checkCharges checks the number of charges in the ledger.
func (w *world) checkCharges(want int) {
	if got := w.queryInt(`SELECT count(*) FROM simulator.charges`); got != want {
		w.violated("%d charges, want %d", got, want)
	}
}

func manyKeys(t *trial) {
	w := t.world("BILLING_CHARGE_TIMEOUT=5s") // so that a slow machine loses no response
	w.api()
	w.api()
	const viewers = 10 // the two APIs do not race each time
	for n := range viewers {
		v := w.viewerWithAddOn(n)
		got := map[string]int{}
		for _, a := range w.subscribeConcurrently(50, v, eachKey, toPremium) {
			got[fmt.Sprint(a.status, " ", a.body.Code)]++
		}
		if got["201 "]+got["202 "] != 1 || got["409 already_subscribed"] != 49 {
			w.violated("responses %v, want one 201 or 202, and 49 times 409 already_subscribed", got)
		}
	}
	w.check()
	w.checkCharges(2 * viewers)
}

// viewerWithAddOn returns a viewer who has paid an add-on with tok_ok. With a known token
// the viewer's requests do not wait for each other to store it, so that only the unique
// index stops a second subscription.
func (w *world) viewerWithAddOn(n int) viewer {
	v := w.viewer(fmt.Sprint("viewer-", n))
	if a := v.retry(http.MethodPost, "/v1/subscriptions", "add-on", subscribeBodyFor("sport", 19900, "tok_ok")); a.status != http.StatusCreated {
		w.violated("subscribe to an add-on: %v", a)
	}
	return v
}

func eachKey(i int) string { return fmt.Sprint("key-", i) }

func toPremium(int) string { return subscribeBody("tok_ok") }

// toEither subscribes to the plans premium and basic in turn.
func toEither(i int) string {
	if i%2 == 0 {
		return toPremium(i)
	}
	return subscribeBodyFor("basic", 19900, "tok_ok")
}

func plansOfGroup(t *trial) {
	w := t.world("BILLING_CHARGE_TIMEOUT=5s")
	w.api()
	w.api()
	const viewers = 10
	for n := range viewers {
		v := w.viewerWithAddOn(n)
		got, id := map[string]int{}, ""
		responses := w.subscribeConcurrently(50, v, eachKey, toEither)
		for _, a := range responses {
			got[fmt.Sprint(a.status, " ", a.body.Code)]++
			if a.status == http.StatusCreated || a.status == http.StatusAccepted {
				id = a.body.ID
			}
		}
		if got["201 "]+got["202 "] != 1 || got["409 already_subscribed"] != 24 || got["409 plan_group_taken"] != 25 {
			w.violated("responses %v, want one 201 or 202, 24 times 409 already_subscribed and 25 times 409 plan_group_taken", got)
		}
		for _, a := range responses {
			if a.body.Code == "plan_group_taken" && a.body.Subscription != id {
				w.violated("plan_group_taken names subscription %q, want %q", a.body.Subscription, id)
			}
		}
	}
	w.check()
	w.checkCharges(2 * viewers)
}
