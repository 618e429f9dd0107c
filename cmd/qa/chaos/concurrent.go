package main

import (
	"fmt"
	"net/http"
	"sync"
)

// meanwhile lists the scenario in which a viewer surely acts between the intent
// of a renewal and its record.
func concurrent() []scenario {
	return []scenario{{
		name: "race/while charged", short: 1, long: 10,
		description: "the payment system takes its time, and meanwhile the viewers who are charged cancel, resume and remove their cards: neither that nor a payment is lost",
		run:         raceWhileCharged,
	}}
}

// raceMeanwhile has one run charge all viewers at once. What a viewer did counts
// only when the payment was still open afterwards.
func raceWhileCharged(t *trial) {
	const n = 32
	w := t.world("BILLING_CHARGE_TIMEOUT=10s")
	w.api()
	w.api()
	list := w.cardHolders(n)
	w.drain()
	w.setClock(dueAt(1))
	run := w.startRunWith(released, []string{"--concurrency", fmt.Sprint(n)}, "BILLING_SIMULATOR_MISHAPS=latency=4s")
	w.waitForRows("all are charged", fmt.Sprintf(`SELECT count(*) / %d FROM payments WHERE status = 'pending'`, n))
	var removals sync.WaitGroup // which are answered when the payments are settled
	defer removals.Wait()
	cancelled, removed := w.actWhileCharged(list, &removals)
	w.requireOverlaps(n)
	sum := run.mustFinish()
	removals.Wait()
	if sum.Due != n || sum.Renewed != n {
		w.violated("of %d viewers who were all charged, %+v", n, sum)
	}
	w.drain()
	w.checkCharges(2 * n)
	if got := w.queryInt(`SELECT count(*) FROM subscriptions WHERE cancel_at_period_end AND ended_at IS NULL AND period_start = $1`, dueAt(1)); got != cancelled {
		w.violated("%d subscriptions are paid for and cancelled, want %d", got, cancelled)
	}
	w.audit()
	w.setClock(dueAt(2))
	w.check()
	w.checkCharges(2*n + n - cancelled - removed)
}

// actMeanwhile has each viewer do something, and returns how many have cancelled
// and how many are removing their cards.
func (w *world) actWhileCharged(list []cardHolder, removals *sync.WaitGroup) (cancelled, removed int) {
	forEach(4, list, func(i int, h cardHolder) {
		switch i % 4 {
		case 0:
			h.change("cancel", "")
		case 1:
			h.change("cancel", "")
			h.change("resume", "")
		case 2:
			got := h.retry(http.MethodPost, "/v1/subscriptions/premium/cancel", "now-"+h.name, `{"at":"now"}`)
			if got.status != http.StatusConflict && h.beingCharged() {
				w.violated("%s is being charged, and may cancel at once: %v", h.name, got)
			}
			h.change("cancel", "")
		case 3:
			removals.Go(func() { h.removeCard(h.card) })
			waitFor(maxWait, func() bool { return w.queryInt(removedCard, h.card) > 0 })
		}
		h.countOverlap()
	})
	return len(list) / 2, len(list) / 4
}

// change insists on a change of the subscription that may be made at any time.
func (v viewer) change(verb, body string) {
	if got := v.retry(http.MethodPost, "/v1/subscriptions/premium/"+verb, verb+"-"+v.name, body); got.status != http.StatusOK {
		v.w.violated("%s of %s: %v", verb, v.name, got)
	}
}

const removedCard = `SELECT count(*) FROM cards WHERE id::text = $1 AND removed_at IS NOT NULL`
