package main

import (
	"fmt"
	"net/http"
	"sync"
)

// concurrent returns the scenario of viewers that definitely act between the intent of
// a renewal and its record.
func concurrent() []scenario {
	return []scenario{{
		name: "race/while charged", short: 1, long: 10,
		description: "while the payment system processes renewals, the viewers cancel, resume and remove their cards: neither a change nor a payment is lost",
		run:         raceWhileCharged,
	}}
}

// raceWhileCharged starts a run that charges all viewers at the same time. A viewer's
// action counts as an overlap only if the payment was still open afterwards.
func raceWhileCharged(t *trial) {
	const n = 32
	w := t.world("BILLING_CHARGE_TIMEOUT=10s")
	w.api()
	w.api()
	list := w.cardHolders(n)
	w.drain()
	w.setClock(dueAt(1))
	run := w.startRunWith(released, []string{"--concurrency", fmt.Sprint(n)}, "BILLING_SIMULATOR_MISHAPS=latency=4s")
	w.waitForRows("all viewers are being charged", fmt.Sprintf(`SELECT count(*) / %d FROM payments WHERE status = 'pending'`, n))
	var responses sync.WaitGroup // most come when the payments are settled
	defer responses.Wait()
	cancelled, removed := w.actWhileCharged(list, &responses)
	w.requireOverlaps(n)
	sum := run.mustFinish()
	responses.Wait()
	if sum.Due != n || sum.Renewed != n {
		w.violated("the run reports %+v, want %d due and renewed", sum, n)
	}
	w.drain()
	w.checkCharges(2 * n)
	if got := w.queryInt(`SELECT count(*) FROM subscriptions WHERE cancel_at_period_end AND ended_at IS NULL AND period_start = $1`, dueAt(1)); got != cancelled+removed {
		w.violated("%d subscriptions are renewed and cancelled, want %d by their viewers and %d by the removal of their cards", got, cancelled, removed)
	}
	w.audit()
	w.setClock(dueAt(2))
	w.check()
	w.checkCharges(2*n + n - cancelled - removed)
}

// actWhileCharged makes each viewer change its subscription or remove its card. It
// returns how many viewers are cancelling and how many are removing their cards.
func (w *world) actWhileCharged(list []cardHolder, responses *sync.WaitGroup) (cancelled, removed int) {
	forEach(4, list, func(i int, h cardHolder) {
		switch i % 4 {
		case 0:
			h.cancelAsync(responses)
		case 1:
			h.cancelAsync(responses)
			h.change("resume", "")
		case 2:
			got := h.retry(http.MethodPost, "/v1/subscriptions/premium/cancel", "now-"+h.name, `{"at":"now"}`)
			if got.status != http.StatusConflict && h.beingCharged() {
				w.violated("%s could cancel at once while being charged: %v", h.name, got)
			}
			h.cancelAsync(responses)
		case 3:
			responses.Go(func() { h.removeCard(h.card) })
			waitFor(maxWait, func() bool { return w.queryInt(removedCard, h.card) > 0 })
		}
		h.countOverlap()
	})
	return len(list) / 2, len(list) / 4
}

// change changes the subscription, with retries. The change must be allowed at any time.
func (v viewer) change(verb, body string) {
	if got := v.retry(http.MethodPost, "/v1/subscriptions/premium/"+verb, verb+"-"+v.name, body); got.status != http.StatusOK {
		v.w.violated("%s of %s: %v", verb, v.name, got)
	}
}

const removedCard = `SELECT count(*) FROM cards WHERE id::text = $1 AND removed_at IS NOT NULL`
