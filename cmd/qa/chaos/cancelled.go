package main

import (
	"net/http"
	"sync"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// cancelled returns the scenario of viewers who cancel between the claim of a renewal and
// its charge.
func cancelled() []scenario {
	return []scenario{{
		name: "held/claimed", short: 1, long: 5,
		description: "a run pauses between claim and charge, and the viewers cancel: after the response to a cancel no charge is sent",
		run:         cancelClaimed,
	}}
}

func cancelClaimed(t *trial) {
	const n = 8
	w, viewers := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s")
	w.api()
	run := w.startRunWith(crashing, nil, "BILLING_STOP_AT=renew.claimed")
	w.waitPaused(run.process, "renew.claimed")
	charged := make([]int, n) // when the response to the cancel came
	var cancels sync.WaitGroup
	cancels.Go(func() {
		forEach(n, viewers, func(i int, v viewer) {
			if got := v.cancel(); got.status != http.StatusOK {
				w.violated("cancel of %s: %v", v.name, got)
			}
			charged[i] = v.charges()
		})
	})
	time.Sleep(time.Duration(500+t.rng("hold").IntN(1500)) * time.Millisecond)
	w.resume(run.process)
	code, sum := run.wait()
	w.note("the run exited with code %d: %+v", code, sum)
	cancels.Wait()
	for i, v := range viewers {
		if now := v.charges(); now != charged[i] {
			w.violated("the cancel of %s was confirmed after %d charges, but %d were sent", v.name, charged[i], now)
		}
	}
	w.check()
}

// charges returns how often the viewer was charged.
func (v viewer) charges() int {
	return v.w.queryInt(`SELECT count(*) FROM simulator.charges c JOIN payments p ON p.id::text = c.key
		WHERE p.user_id::text = $1`, auth.UserID(v.name))
}

// cancelAsync cancels and waits until the cancel is stored. Its response may come later:
// responses is done then.
func (v viewer) cancelAsync(responses *sync.WaitGroup) {
	responses.Go(func() { v.change("cancel", "") })
	if !waitFor(maxWait, func() bool { return v.w.queryInt(cancelledBy, auth.UserID(v.name)) > 0 }) {
		v.w.violated("the cancel of %s is not stored within %v", v.name, maxWait)
	}
}

const cancelledBy = `SELECT count(*) FROM events WHERE type = 'cancel_requested' AND user_id::text = $1`
