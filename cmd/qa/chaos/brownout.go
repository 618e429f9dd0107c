package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// brownouts returns the scenario of a payment system that hangs and recovers.
func brownouts() []scenario {
	return []scenario{{
		name: "payment system/brownout", short: 1, long: 5,
		description: "it hangs for a minute in the middle of a run, while two APIs sweep and viewers cancel: cancels are confirmed meanwhile, and afterwards every payment is settled",
		run:         brownout,
	}}
}

// cancelledMeanwhile counts the cancels that were confirmed while the payment system
// hung.
const cancelledMeanwhile = "cancels while it hung"

// brownout hangs the payment system until sweeps have looked payments up whose send
// window is over. The short form hangs for less than half a minute, because its send
// window is eleven seconds.
func brownout(t *trial) {
	n, hang := 24, 24*time.Second
	if t.long {
		n, hang = 60, time.Minute
	}
	w := t.world()
	w.setClock(january31)
	first := w.api("BILLING_CHARGE_TIMEOUT=10s") // so that all are subscribed, even on a slow machine
	viewers := w.subscribeViewers(n, "tok_ok")
	first.kill()
	w.setClock(dueAt(1))
	apis := []*api{w.api(), w.api()}
	run := w.startRunWith(released, []string{"--concurrency", "8"}, "BILLING_SIMULATOR_MISHAPS=lose_answers=0.8,hold_lost=1s,latency=100ms")
	w.waitForRows("several renewals are charged, and their responses are lost", `SELECT n / 4 FROM (`+chargedButPending+`) c (n)`)
	restore := w.hangPaymentSystem()
	lost := w.queryInt(chargedButPending)
	w.note("the payment system hangs; %d renewals are charged, and their outcome is unknown", lost)
	end := time.Now().Add(hang)
	forEach(n, viewers, func(_ int, v viewer) {
		rng := t.rng(v.name)
		w.sleep(time.Duration(rng.Int64N(int64(8 * time.Second))))
		if rng.IntN(3) == 0 {
			return // keeps the subscription
		}
		v.countOverlap()
		got := v.cancel()
		if got.status != http.StatusOK {
			w.violated("cancel of %s: %v", v.name, got)
		}
		if time.Now().Before(end) {
			w.count(cancelledMeanwhile, 1)
		}
	})
	w.sleep(time.Until(end))
	failed := []int{apis[0].lookupsFailed(), apis[1].lookupsFailed()}
	restore()
	w.note("the payment system works again; the sweeps of the APIs made %v failed lookups", failed)
	code, sum := run.wait()
	w.note("the run exited with code %d: %+v", code, sum)
	w.check()
	w.setClock(dueAt(2))
	w.check() // cancelled subscriptions must not be billed for the next month
	w.checkBrownout(n, lost, failed)
}

// hangPaymentSystem locks the simulator's table of requests, so that all charges and
// lookups wait until their time-out. The returned function ends that.
func (w *world) hangPaymentSystem() (end func()) {
	tx, err := w.pool.Begin(w.ctx)
	w.require("hang", err)
	end = func() { _ = tx.Rollback(context.WithoutCancel(w.ctx)) }
	w.atEnd(end) // before the pool is closed
	if _, err := tx.Exec(w.ctx, `LOCK TABLE simulator.requests IN ACCESS EXCLUSIVE MODE`); err != nil {
		w.inconclusive("hang: %v", err)
	}
	return end
}

// lookupsFailed counts the failed lookups in the log of a program.
func (p *process) lookupsFailed() int { return p.logged("lookup failed") }

// logged counts the lines with a message in the log of a program.
func (p *process) logged(message string) int {
	return strings.Count(strings.Join(p.output(), "\n"), fmt.Sprintf(`"msg":%q`, message))
}

// checkBrownout repeats a trial without violations unless the fault had its effect on the
// run, on both sweeps and on the viewers.
func (w *world) checkBrownout(viewers, lost int, failed []int) {
	if n := w.counted(cancelledMeanwhile); n < viewers/3 {
		w.violated("%d cancels were confirmed while the payment system hung, want at least %d of %d viewers", n, viewers/3, viewers)
	}
	for _, n := range failed {
		w.count("look-ups failed", n)
	}
	switch {
	case len(w.result.Violations) > 0:
	case lost == 0:
		w.noFault("no renewal was charged without a response before the payment system hung")
	case slices.Min(failed) == 0:
		w.noFault("an API made no lookup while the payment system hung")
	default:
		w.requireOverlaps(viewers / 6)
	}
}
