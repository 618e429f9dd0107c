package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// runSummary is the summary that a renewal run prints.
type runSummary struct {
	Settled, Due, Renewed, Declined, Held, Unknown, Ended, Failed, Waiting int
}

// renewalRun is a process of billing-renew.
type renewalRun struct {
	*process
	w *world
}

// startRun starts a renewal run of the released program.
func (w *world) startRun(vars ...string) *renewalRun { return w.startRunWith(released, nil, vars...) }

// startRunWith starts a renewal run of a program built with tags.
func (w *world) startRunWith(tags string, args []string, vars ...string) *renewalRun {
	p, err := w.start("renew", tags, append([]string{"--json"}, args...), vars...)
	w.require("billing-renew", err)
	return &renewalRun{p, w}
}

// wait waits until the run has ended and returns its exit code and summary.
func (r *renewalRun) wait() (int, runSummary) {
	if !waitFor(maxWait, r.ended) {
		r.w.violated("a renewal run did not end within %v; its output ends with\n%s", maxWait, r.tail())
		r.kill()
	}
	var sum runSummary
	for _, line := range r.output() {
		var got struct {
			Due *int
			runSummary
		}
		if json.Unmarshal([]byte(line), &got) == nil && got.Due != nil {
			sum = got.runSummary
			sum.Due = *got.Due
		}
	}
	return r.exitCode(), sum
}

// mustFinish waits for a run that no fault affects, and reports a violation if it fails.
func (r *renewalRun) mustFinish() runSummary {
	code, sum := r.wait()
	if code != 0 {
		r.w.violated("a renewal run without faults exited with code %d: %+v; its output ends with\n%s", code, sum, r.tail())
	}
	return sum
}

// january31 is the time of subscribing that makes months hardest to count: many
// months have no 31st day.
var january31 = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// dueAt returns the time at which the n-th renewal of a subscription of 31 January is due.
func dueAt(n int) time.Time {
	first := time.Date(2026, time.Month(1+n), 1, 12, 0, 0, 0, time.UTC)
	end := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(31, end)-1)
}

// dueWorld returns a world with n viewers that subscribed on 31 January. Their first
// renewal is due now. No API is running.
func (t *trial) dueWorld(n int, token string, vars ...string) (*world, []viewer) {
	return t.dueWorldOn(t.shared, n, token, vars...)
}

func (t *trial) dueWorldOn(s *server, n int, token string, vars ...string) (*world, []viewer) {
	w := t.worldOn(s, vars...)
	w.setClock(january31)
	a := w.api()
	viewers := w.subscribeViewers(n, token)
	w.awaitActive(viewers, token)
	w.setClock(dueAt(1))
	a.kill()
	return w, viewers
}

// awaitActive waits until each viewer has an active subscription. On a slow machine a
// first charge can time out. A sweep then gives its payment up, and its viewer subscribes
// again.
func (w *world) awaitActive(viewers []viewer, token string) {
	const active = `SELECT count(*) FROM subscriptions WHERE status = 'active'`
	for try := range 5 {
		if w.queryInt(active) == len(viewers) {
			return
		}
		w.waitForRows("no first payment is pending", `SELECT 1 - least(count(*), 1) FROM payments WHERE status = 'pending'`)
		forEach(8, viewers, func(i int, v viewer) {
			if w.queryInt(active+` AND user_id::text = $1`, auth.UserID(v.name)) == 0 {
				v.retry(http.MethodPost, "/v1/subscriptions", fmt.Sprintf("subscribe-%s-%d", v.name, try), subscribeBody(fmt.Sprintf("%s~%d", token, i)))
			}
		})
	}
	w.inconclusive("%d of %d viewers have subscribed", w.queryInt(active), len(viewers))
}
