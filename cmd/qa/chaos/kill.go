package main

import (
	"fmt"
	"net/http"
	"sync"
)

// killPoint is a place in core where a program may kill itself.
type killPoint struct {
	name   string
	passes int // how often it is come to at least, in the scenario
}

// kills lists a scenario for each place where a program may be killed, in
// everything that it does with subscriptions and payments; those of cards are in
// cards.go.
func kills() (all []scenario) {
	add := func(verb string, run func(*trial, killPoint), points ...killPoint) {
		for _, p := range points {
			all = append(all, scenario{
				name: "kill/" + verb + "/" + p.name, short: 1, long: 10,
				description: fmt.Sprintf("kill -9 at %s, while programs %s; clients repeat their requests until they know", p.name, verb),
				run:         func(t *trial) { run(t, p) },
			})
		}
	}
	add("subscribe", killSubscribe, killPoint{"subscribe.intent", crowd}, killPoint{"charge.before", crowd},
		killPoint{"charge.after", crowd}, killPoint{"record.after", 2}) // one at first, then those who waited
	add("cancel", killCancel, killPoint{"change.after", crowd})
	add("renew", killRenewal, killPoint{"renew.claimed", 1}, killPoint{"charge.before", crowd},
		killPoint{"charge.after", crowd}, killPoint{"record.after", 1})
	add("settle", killSettle, killPoint{"sweep.found", 2}, killPoint{"sweep.resend", 1}, killPoint{"charge.before", 1},
		killPoint{"charge.after", 1}, killPoint{"record.after", 1})
	return all
}

// crowd is how many viewers there are.
const crowd = 12

// tokens are what viewers pay with who are about to lose their API.
func (w *world) tokens(n int) []string {
	rng := w.rng("tokens")
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s~%d", pick(rng, "tok_ok", "tok_ok", "tok_ok", "tok_ok", "tok_lost_answer", "tok_ok_then_insufficient_funds"), i)
	}
	return list
}

// dying starts an API that will kill itself at a point, and another one in its
// place when it has.
func (w *world) dying(p killPoint, pass int, replaced *sync.WaitGroup) {
	a := w.apiOf(crashing, "BILLING_CRASH_AT="+p.name, fmt.Sprint("BILLING_CRASH_PASS=", pass))
	w.note("an API kills itself at %s, pass %d", p.name, pass)
	replaced.Go(func() {
		if !waitFor(maxWait, a.ended) {
			w.violated("%s never came to %s, pass %d", a.name, p.name, pass)
			return
		}
		w.mourn(a.process, p)
		w.count(killsAtStep, 1)
		if _, err := w.startAPI(released); err != nil {
			w.violated("the API does not start again: %v", err)
		}
	})
}

// mourn looks how a process ended that was to kill itself.
func (w *world) mourn(p *process, at killPoint) {
	if p.exitCode() != -1 {
		w.violated("%s was to die at %s, but ended with %d; it said\n%s", p.name, at.name, p.exitCode(), p.tail())
		return
	}
	w.count("kills", 1)
	w.note("%s was killed at %s", p.name, at.name)
}

func killSubscribe(t *trial, p killPoint) {
	w := t.world()
	var replaced sync.WaitGroup
	w.dying(p, 1+t.rng("pass").IntN(p.passes), &replaced)
	tokens := w.tokens(crowd)
	forEach(crowd, tokens, func(i int, token string) {
		w.viewer(fmt.Sprint("viewer-", i)).subscribe(token)
	})
	replaced.Wait()
	w.check()
}

func killCancel(t *trial, p killPoint) {
	w := t.world()
	first := w.api()
	viewers := w.subscribeViewers(crowd, "tok_ok")
	first.kill()
	var replaced sync.WaitGroup
	w.dying(p, 1+t.rng("pass").IntN(p.passes), &replaced)
	forEach(crowd, viewers, func(_ int, v viewer) {
		if got := v.cancel(); got.status != http.StatusOK {
			w.violated("cancel of %s: %v", v.name, got)
		}
	})
	replaced.Wait()
	w.check()
	w.checkHistory("cancel_requested", crowd)
}

// checkHistory looks how often the history of all tells of something.
func (w *world) checkHistory(kind string, want int) {
	if got := w.queryInt(`SELECT count(*) FROM events WHERE type = $1`, kind); got != want {
		w.violated("the history tells of %s %d times, want %d", kind, got, want)
	}
}

// killRenewal kills a run, then another one that takes up what it left, while
// viewers cancel; the third does the rest.
func killRenewal(t *trial, p killPoint) {
	w, viewers := t.dueWorld(crowd, "tok_ok")
	rng := t.rng("runs")
	w.killedRun(p, 1+rng.IntN(p.passes), pick(rng, "", "lose_answers=0.3,hold_lost=20ms", "lose_requests=0.3,hold_lost=20ms"))
	w.count(killsAtStep, 1)
	w.api("BILLING_SWEEP_INTERVAL=1h")
	forEach(3, viewers[:3], func(_ int, v viewer) { v.cancel() })
	w.killedRun(killPoint{name: "sweep.found"}, 1, "")
	w.check()
	w.nothingLost(crowd, 3)
}

func (w *world) killedRun(p killPoint, pass int, mishap string) {
	r := w.startRunWith(crashing, nil, "BILLING_CRASH_AT="+p.name, fmt.Sprint("BILLING_CRASH_PASS=", pass), "BILLING_SIMULATOR_MISHAPS="+mishap)
	w.note("a run kills itself at %s, pass %d; the payment system: %s", p.name, pass, mishap)
	r.wait()
	w.mourn(r.process, p)
}

// nothingLost looks whether all n subscriptions were renewed, but for those that
// up to cancelled viewers cancelled.
func (w *world) nothingLost(n, cancelled int) {
	renewed := w.queryInt(`SELECT count(*) FROM events WHERE type = 'renewed'`)
	if renewed < n-cancelled || renewed > n {
		w.violated("%d of %d subscriptions were renewed, of which %d were cancelled meanwhile", renewed, n, cancelled)
	}
}

// killSettle leaves payments without an answer behind, and kills the API that
// settles them.
func killSettle(t *trial, p killPoint) {
	w, _ := t.dueWorld(crowd, "tok_ok")
	rng := t.rng("runs")
	w.killedRun(killPoint{name: pick(rng, "renew.claimed", "charge.before", "charge.after")}, 1, "")
	var replaced sync.WaitGroup
	w.dying(p, 1+rng.IntN(p.passes), &replaced)
	replaced.Wait()
	w.check()
	w.nothingLost(crowd, 0)
}
