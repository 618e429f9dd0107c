package main

import (
	"encoding/json"
	"time"
)

// counts is the summary of a renewal run.
type counts struct {
	Settled, Due, Renewed, Declined, Unknown, Ended, Failed int
}

// renewal is a renewal run under way.
type renewal struct {
	*process
	w *world
}

// renewal starts a run as it is released.
func (w *world) renewal(vars ...string) *renewal { return w.renewalOf(released, nil, vars...) }

func (w *world) renewalOf(tags string, args []string, vars ...string) *renewal {
	p, err := w.start("renew", tags, append([]string{"--json"}, args...), vars...)
	w.need("billing-renew", err)
	return &renewal{p, w}
}

// wait waits for the run's end and returns its exit code and its summary.
func (r *renewal) wait() (int, counts) {
	if !within(patience, r.ended) {
		r.w.violated("a renewal run did not end within %v; it said\n%s", patience, r.lastWords())
		r.kill()
	}
	var sum counts
	for _, line := range r.output() {
		var got struct {
			Due *int
			counts
		}
		if json.Unmarshal([]byte(line), &got) == nil && got.Due != nil {
			sum = got.counts
			sum.Due = *got.Due
		}
	}
	return r.exitCode(), sum
}

// mustFinish waits for a run that nothing keeps from doing all there is to do.
func (r *renewal) mustFinish() counts {
	code, sum := r.wait()
	if code != 0 {
		r.w.violated("a renewal run that nothing was in the way of ended with %d: %+v; it said\n%s", code, sum, r.lastWords())
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
func (t *trial) month(n int, token string, vars ...string) (*world, []viewer) {
	return t.monthOn(t.shared, n, token, vars...)
}

func (t *trial) monthOn(s *server, n int, token string, vars ...string) (*world, []viewer) {
	w := t.worldOn(s, vars...)
	w.setClock(january31)
	a := w.api()
	viewers := w.subscribers(n, token)
	w.setClock(dueAt(1))
	a.kill()
	return w, viewers
}
