package main

import (
	"encoding/json"
	"time"
)

// counts is the summary of a renewal run.
type runSummary struct {
	Settled, Due, Renewed, Declined, Unknown, Ended, Failed int
}

// renewal is a renewal run under way.
type renewalRun struct {
	*process
	w *world
}

// renewal starts a run as it is released.
func (w *world) startRun(vars ...string) *renewalRun { return w.startRunWith(released, nil, vars...) }

func (w *world) startRunWith(tags string, args []string, vars ...string) *renewalRun {
	p, err := w.start("renew", tags, append([]string{"--json"}, args...), vars...)
	w.require("billing-renew", err)
	return &renewalRun{p, w}
}

// wait waits for the run's end and returns its exit code and its summary.
func (r *renewalRun) wait() (int, runSummary) {
	if !waitFor(maxWait, r.ended) {
		r.w.violated("a renewal run did not end within %v; it said\n%s", maxWait, r.tail())
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

// mustFinish waits for a run that nothing keeps from doing all there is to do.
func (r *renewalRun) mustFinish() runSummary {
	code, sum := r.wait()
	if code != 0 {
		r.w.violated("a renewal run that nothing was in the way of ended with %d: %+v; it said\n%s", code, sum, r.tail())
	}
	return sum
}

// january31 is when viewers subscribe whose months are the hard ones.
var january31 = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// dueAt is when the n-th renewal of a subscription of 31 January is due.
func dueAt(n int) time.Time {
	first := time.Date(2026, time.Month(1+n), 1, 12, 0, 0, 0, time.UTC)
	end := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(31, end)-1)
}

// month is a world in which n viewers subscribed on 31 January, and whose first
// renewal is due now. No API runs.
func (t *trial) dueWorld(n int, token string, vars ...string) (*world, []viewer) {
	return t.dueWorldOn(t.shared, n, token, vars...)
}

func (t *trial) dueWorldOn(s *server, n int, token string, vars ...string) (*world, []viewer) {
	w := t.worldOn(s, vars...)
	w.setClock(january31)
	a := w.api()
	viewers := w.subscribeViewers(n, token)
	w.setClock(dueAt(1))
	a.kill()
	return w, viewers
}
