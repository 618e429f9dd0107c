package main

import "net/http"

// absences returns the scenario of a sweep that acts on an old observation.
func absences() []scenario {
	return []scenario{{
		name: "held/earlier absence", short: 1, long: 5,
		description: "a sweep finds that a charge was never sent, and pauses; another sweep sends it and dies, and the viewer cancels: the paused sweep neither sends nor abandons it",
		run:         earlierAbsence,
	}}
}

// The queries find the pending payment of a scenario once a lease of it has ended.
const (
	sendWindowOver = `SELECT count(*) FROM payments WHERE status = 'pending' AND send_until <= now()`
	sweepLeaseOver = `SELECT count(*) FROM payments WHERE status = 'pending' AND sweep_at <= now()`
)

// chargedButPending counts the renewals whose money has moved, although their outcome is
// not recorded.
const chargedButPending = `SELECT count(*) FROM simulator.charges c JOIN payments p ON p.id::text = c.key
	WHERE p.status = 'pending' AND p.initiator = 'merchant'`

func earlierAbsence(t *trial) {
	w, viewers := t.dueWorld(1, "tok_ok")
	quiet := w.api("BILLING_SWEEP_INTERVAL=1h") // before the run, because it sweeps once
	w.runUntilKilled(killPoint{name: "charge.before"}, 1, "")
	w.waitForRows("the send window of the run is over", sendWindowOver)
	paused := w.pausingAPI("sweep.found")
	w.waitPaused(paused.process, "sweep.found")
	w.waitForRows("the lease of the paused sweep is over", sweepLeaseOver)

	sender := w.apiOf(crashing, "BILLING_CRASH_AT=charge.after")
	if !waitFor(maxWait, sender.ended) {
		t.noFault("no other sweep sent the charge within %v", maxWait)
	}
	w.checkKilled(sender.process, killPoint{name: "charge.after"})
	w.waitForRows("the send window of the other sweep is over", sendWindowOver)
	if got, err := viewers[0].send(w.ctx, quiet, http.MethodPost, "/v1/subscriptions/premium/cancel", "", ""); err != nil || got.status != http.StatusOK {
		w.violated("cancel: %v, error %v", got, err)
	}
	if n := w.queryInt(chargedButPending); n != 1 {
		t.noFault("%d renewals were charged with an unknown outcome, want 1", n)
	}
	w.resume(paused.process)
	if !waitFor(maxWait, func() bool { return w.queryInt(openPayments) == 0 }) {
		w.violated("no sweep settled the payment within %v", maxWait)
	}
	w.check()
	w.checkCharges(2)
}
