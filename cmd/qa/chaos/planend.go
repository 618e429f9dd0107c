package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// planEnds returns the scenarios of the end of a plan for all its subscribers.
func planEnds() []scenario {
	all := []scenario{{
		name: "plan end/while renewing", short: 1, long: 10,
		description: "an operator ends a plan while a run charges its viewers, and while viewers cancel, resume and subscribe: nothing is charged afterwards, and each live subscription is cancelled",
		run:         endPlanWhileRenewing,
	}}
	short := map[string]int{"plan.changed": 1} // as for instructions
	for _, p := range []killPoint{{"plan.changed", 2}, {"plan.stored", 1}} {
		all = append(all, scenario{
			name: "kill/plan end/" + p.name, short: short[p.name], long: 10,
			description: fmt.Sprintf("kill -9 at %s, while an API cancels the subscriptions to a plan that is ended: a run without an API charges none of them, and another API cancels the rest once", p.name),
			run:         func(t *trial) { killPlanEnd(t, p) },
		})
	}
	return all
}

// endPlan ends the plan premium through billingctl. While viewers cancel, the confirmed number
// of viewers may be out of date.
func (w *world) endPlan() {
	for {
		out, err := w.billingctl("plan", "end", "premium", "--reason", endReason, "--dry-run", "--json").Output()
		w.require("plan end --dry-run", err)
		var end struct{ Viewers int }
		w.require("plan end --dry-run", json.Unmarshal(out, &end))
		out, err = w.billingctl("plan", "end", "premium", "--reason", endReason, "--confirm", fmt.Sprint(end.Viewers)).CombinedOutput()
		switch {
		case err == nil:
			w.note("the plan ends for %d viewers", end.Viewers)
			return
		case !strings.Contains(string(out), "the number of viewers is"):
			w.inconclusive("plan end: %v\n%s", err, out)
		}
	}
}

const endReason = "ended by the suite"

// checkPlanEnd waits until the pass is over, and audits the world. I21 reports a pass that is
// not.
func (w *world) checkPlanEnd() {
	waitFor(maxWait, func() bool { return w.queryInt(`SELECT count(*) FROM plan_endings WHERE done_at IS NULL`) == 0 })
	w.count("subscriptions cancelled with their plan", w.queryInt(`SELECT coalesce(sum(cancelled + ended), 0) FROM plan_endings`))
	w.check()
}

func endPlanWhileRenewing(t *trial) {
	const n = 30
	w, viewers, run := t.renewingWorld(n)
	var ended sync.WaitGroup
	ended.Go(func() {
		w.sleep(time.Duration(t.rng("end").IntN(600)) * time.Millisecond)
		w.endPlan()
	})
	forEach(2*n, append(viewers, w.newcomersTo(n)...), func(i int, v viewer) {
		rng := t.rng(v.name)
		w.sleep(time.Duration(rng.IntN(900)) * time.Millisecond)
		if !run.ended() {
			w.count(overlaps, 1)
		}
		if i >= n {
			v.subscribe("tok_ok~" + v.name)
			return
		}
		switch rng.IntN(3) {
		case 0:
			v.cancel()
		case 1:
			v.cancel()
			v.retry(http.MethodPost, "/v1/subscriptions/premium/resume", "resume-"+v.name, "")
		}
	})
	ended.Wait()
	run.mustFinish()
	w.checkPlanEnd()
	if got := w.viewer("too-late").subscribe("tok_ok~too-late"); got.status != http.StatusNotFound {
		w.violated("a viewer subscribes to the plan after its end: %v", got)
	}
	w.setClock(dueAt(2))
	w.check()
	w.requireOverlaps(n / 3)
}

// newcomersTo returns n viewers without a subscription.
func (w *world) newcomersTo(n int) []viewer {
	list := make([]viewer, n)
	for i := range list {
		list[i] = w.viewer(fmt.Sprint("newcomer-", i))
	}
	return list
}

// killPlanEnd kills the API that cancels the subscriptions. They are more than a page, and are
// due at two times. At the first one, a run without an API follows.
func killPlanEnd(t *trial, p killPoint) {
	const n = 260 // a page has 250
	w := t.world("BILLING_CHARGE_TIMEOUT=5s")
	w.setClock(january31)
	first := w.api()
	viewers := w.viewers(n)
	subscribe := func(i int, v viewer) { v.subscribe(fmt.Sprintf("tok_ok~%s-%d", v.name, i)) }
	forEach(8, viewers[:n/2], subscribe)
	w.setClock(january31.AddDate(0, 0, 14))
	forEach(8, viewers[n/2:], subscribe)
	w.awaitActive(viewers, "tok_ok")
	first.kill()
	w.endPlan()
	pass := 1 + t.rng("pass").IntN(p.passes)
	if w.awaitKill(w.crashingAPI(p, pass), p, pass) {
		w.count(killsAtStep, 1)
	}
	w.sleep(endSlack)
	w.setClock(dueAt(1))
	w.drain()
	w.api()
	w.checkPlanEnd()
	w.setClock(dueAt(3))
	w.check()
	w.checkCharges(n)
	if live := w.queryInt(`SELECT count(*) FROM subscriptions WHERE ended_at IS NULL`); live != 0 {
		w.violated("%d subscriptions are live two months after the end of their plan", live)
	}
}

// endSlack is longer than a transaction that was running when the end of a plan was stored.
// Such a transaction may still store a payment.
const endSlack = 2 * time.Second
