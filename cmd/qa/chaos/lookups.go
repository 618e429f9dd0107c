package main

import (
	"fmt"
	"net/http"
)

// lookups returns the scenario of a payment system whose lookups fail while it charges.
func lookups() []scenario {
	return []scenario{{
		name: "payment system/lookups fail", short: 1, long: 5,
		description: "it charges, but its lookups fail, and more payments wait for one than a run puts up with: the run renews all subscriptions that are due",
		run:         lookupsFail,
	}}
}

// lookupsFail leaves more pending payments than the number of failures (20) after which
// a run gives up the lookups of a payment system.
func lookupsFail(t *trial) {
	const due, lost = 12, 24
	w, _ := t.dueWorld(due, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s")
	a := w.api("BILLING_SWEEP_INTERVAL=1h", "BILLING_SIMULATOR_MISHAPS=lose_answers=1,hold_lost=1ms")
	forEach(8, make([]viewer, lost), func(i int, _ viewer) {
		v := w.viewer(fmt.Sprint("lost-", i))
		if got := v.subscribe("tok_ok~" + v.name); got.status != http.StatusAccepted {
			w.violated("%s subscribed without an outcome and got %v, want 202", v.name, got)
		}
	})
	a.kill()
	run := w.startRun("BILLING_SIMULATOR_MISHAPS=lose_lookups=1")
	code, sum := run.wait()
	failed := run.lookupsFailed()
	w.note("the run exited with code %d after %d failed lookups: %+v", code, failed, sum)
	if failed < 20 {
		t.noFault("%d lookups failed, want at least 20", failed)
	}
	w.count("look-ups failed", failed)
	if sum.Due != due || sum.Renewed != due {
		w.violated("the run renewed %d of %d subscriptions while lookups failed: %+v", sum.Renewed, due, sum)
	}
	w.check()
	w.checkCharges(2*due + lost)
}
