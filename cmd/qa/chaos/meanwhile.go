package main

import (
	"fmt"
	"net/http"
	"sync"
)

// meanwhile lists the scenario in which a viewer surely acts between the intent
// of a renewal and its record.
func meanwhile() []scenario {
	return []scenario{{
		name: "race/while charged", short: 1, long: 10,
		breaks: "the payment system takes its time, and meanwhile the viewers who are charged cancel, resume and remove their cards: neither that nor a payment is lost",
		run:    raceMeanwhile,
	}}
}

// raceMeanwhile has one run charge all viewers at once. What a viewer did counts
// only when the payment was still open afterwards.
func raceMeanwhile(t *trial) {
	const n = 32
	w := t.world("BILLING_CHARGE_TIMEOUT=10s")
	w.api()
	w.api()
	list := w.holders(n)
	w.rest()
	w.setClock(dueAt(1))
	run := w.renewalOf(released, []string{"--concurrency", fmt.Sprint(n)}, "BILLING_SIMULATOR_MISHAPS=latency=4s")
	w.soon("all are charged", fmt.Sprintf(`SELECT count(*) / %d FROM payments WHERE status = 'pending'`, n))
	var removals sync.WaitGroup // which are answered when the payments are settled
	defer removals.Wait()
	cancelled, removed := w.actMeanwhile(list, &removals)
	w.raced(n)
	sum := run.mustFinish()
	removals.Wait()
	if sum.Due != n || sum.Renewed != n {
		w.violated("of %d viewers who were all charged, %+v", n, sum)
	}
	w.rest()
	w.charged(2 * n)
	if got := w.number(`SELECT count(*) FROM subscriptions WHERE cancel_at_period_end AND ended_at IS NULL AND period_start = $1`, dueAt(1)); got != cancelled {
		w.violated("%d subscriptions are paid for and cancelled, want %d", got, cancelled)
	}
	w.compare()
	w.setClock(dueAt(2))
	w.check()
	w.charged(2*n + n - cancelled - removed)
}

// actMeanwhile has each viewer do something, and returns how many have cancelled
// and how many are removing their cards.
func (w *world) actMeanwhile(list []holder, removals *sync.WaitGroup) (cancelled, removed int) {
	together(4, list, func(i int, h holder) {
		switch i % 4 {
		case 0:
			h.change("cancel", "")
		case 1:
			h.change("cancel", "")
			h.change("resume", "")
		case 2:
			got := h.insist(http.MethodPost, "/v1/subscriptions/premium/cancel", "now-"+h.name, `{"at":"now"}`)
			if got.status != http.StatusConflict && h.beingCharged() {
				w.violated("%s is being charged, and may cancel at once: %v", h.name, got)
			}
			h.change("cancel", "")
		case 3:
			removals.Go(func() { h.removeCard(h.card) })
			within(patience, func() bool { return w.number(removedCard, h.card) > 0 })
		}
		h.countCharged()
	})
	return len(list) / 2, len(list) / 4
}

// change insists on a change of the subscription that may be made at any time.
func (v viewer) change(verb, body string) {
	if got := v.insist(http.MethodPost, "/v1/subscriptions/premium/"+verb, verb+"-"+v.name, body); got.status != http.StatusOK {
		v.w.violated("%s of %s: %v", verb, v.name, got)
	}
}

const removedCard = `SELECT count(*) FROM cards WHERE id::text = $1 AND removed_at IS NOT NULL`
