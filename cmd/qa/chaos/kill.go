package main

import (
	"fmt"
	"net/http"
	"sync"
)

// killPoint is a named step of the service at which a program can kill itself.
type killPoint struct {
	name   string
	passes int // minimum number of times that the scenario reaches it
}

// kills returns a scenario for each operation on subscriptions and payments, and each
// step of it. The steps of card operations are in cards.go. The short form leaves out pay,
// because its steps are those of subscribe.
func kills() (all []scenario) {
	add := func(verb string, short int, run func(*trial, killPoint), points ...killPoint) {
		for _, p := range points {
			all = append(all, scenario{
				name: "kill/" + verb + "/" + p.name, short: short, long: 10,
				description: fmt.Sprintf("kill -9 at %s, while programs %s: clients repeat their requests until the response is definite", p.name, verb),
				run:         func(t *trial) { run(t, p) },
			})
		}
	}
	own := []killPoint{{"subscribe.intent", viewerCount}, {"charge.before", viewerCount},
		{"charge.after", viewerCount}, {"record.after", 2}} // one batch at first, then at least one of the requests that waited
	add("subscribe", 1, killSubscribe, own...)
	add("pay", 0, killPay, own...)
	add("cancel", 1, killCancel, killPoint{"change.after", viewerCount})
	add("renew", 1, killRenewal, killPoint{"renew.claimed", 1}, killPoint{"charge.before", viewerCount},
		killPoint{"charge.after", viewerCount}, killPoint{"record.after", 1})
	add("settle", 1, killSettle, killPoint{"sweep.found", 2}, killPoint{"sweep.resend", 1}, killPoint{"charge.before", 1},
		killPoint{"charge.after", 1}, killPoint{"record.after", 1})
	return all
}

// viewerCount is the number of viewers in kill scenarios.
const viewerCount = 12

// paymentTokens returns n distinct payment tokens. Some of them make a charge lose its
// response, or make renewals decline.
func (w *world) paymentTokens(n int) []string {
	rng := w.rng("tokens")
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s~%d", pick(rng, "tok_ok", "tok_ok", "tok_ok", "tok_ok", "tok_lost_answer", "tok_ok_then_insufficient_funds"), i)
	}
	return list
}

// startCrashingAPI starts an API that kills itself when it reaches p for the pass-th
// time. It then starts a released API as a replacement. replaced is done after that.
func (w *world) startCrashingAPI(p killPoint, pass int, replaced *sync.WaitGroup) {
	a := w.crashingAPI(p, pass)
	replaced.Go(func() {
		if !w.awaitKill(a, p, pass) {
			return
		}
		w.count(killsAtStep, 1)
		if _, err := w.startAPI(released); err != nil {
			w.violated("a new API does not start: %v", err)
		}
	})
}

// crashingAPI starts an API that kills itself when it reaches p for the pass-th time.
func (w *world) crashingAPI(p killPoint, pass int) *api {
	a := w.apiOf(crashing, "BILLING_CRASH_AT="+p.name, fmt.Sprint("BILLING_CRASH_PASS=", pass))
	w.note("an API kills itself at %s, pass %d", p.name, pass)
	return a
}

// awaitKill waits until the API has ended, and checks that it has killed itself. It returns
// false if the API did not reach p in time.
func (w *world) awaitKill(a *api, p killPoint, pass int) bool {
	if !waitFor(maxWait, a.ended) {
		w.violated("%s did not reach pass %d of %s", a.name, pass, p.name)
		return false
	}
	w.checkKilled(a.process, p)
	return true
}

// checkKilled checks that an ended process has killed itself.
func (w *world) checkKilled(p *process, at killPoint) {
	if p.exitCode() != -1 {
		w.violated("%s was not killed at %s, but exited with code %d; its output ends with\n%s", p.name, at.name, p.exitCode(), p.tail())
		return
	}
	w.count("kills", 1)
	w.note("%s was killed at %s", p.name, at.name)
}

func killSubscribe(t *trial, p killPoint) {
	w := t.world()
	var replaced sync.WaitGroup
	w.startCrashingAPI(p, 1+t.rng("pass").IntN(p.passes), &replaced)
	tokens := w.paymentTokens(viewerCount)
	forEach(viewerCount, tokens, func(i int, token string) {
		w.viewer(fmt.Sprint("viewer-", i)).subscribe(token)
	})
	replaced.Wait()
	w.check()
}

func killPay(t *trial, p killPoint) {
	w, viewers := t.dueWorld(viewerCount, "tok_ok_then_insufficient_funds", "BILLING_CHARGE_TIMEOUT=5s")
	w.drain() // the renewals are declined
	var replaced sync.WaitGroup
	w.startCrashingAPI(p, 1+t.rng("pass").IntN(p.passes), &replaced)
	forEach(viewerCount, viewers, func(_ int, v viewer) {
		v.mustPay()
		v.mustHaveAccess("after the response to its payment")
	})
	replaced.Wait()
	w.check()
	w.checkPaid(viewerCount, dueAt(1))
	w.checkCharges(2 * viewerCount)
}

func killCancel(t *trial, p killPoint) {
	w := t.world()
	first := w.api()
	viewers := w.subscribeViewers(viewerCount, "tok_ok")
	first.kill()
	var replaced sync.WaitGroup
	w.startCrashingAPI(p, 1+t.rng("pass").IntN(p.passes), &replaced)
	forEach(viewerCount, viewers, func(_ int, v viewer) {
		if got := v.cancel(); got.status != http.StatusOK {
			w.violated("cancel of %s: %v", v.name, got)
		}
	})
	replaced.Wait()
	w.check()
	w.checkHistory("cancel_requested", viewerCount)
}

// checkHistory checks the number of events of a type.
func (w *world) checkHistory(kind string, want int) {
	if got := w.queryInt(`SELECT count(*) FROM events WHERE type = $1`, kind); got != want {
		w.violated("the history has %d events of type %s, want %d", got, kind, want)
	}
}

// killRenewal kills a run at p. Then it kills a second run, which looks up the payments
// that the first one left pending, while viewers cancel. A third run does the rest.
func killRenewal(t *trial, p killPoint) {
	w, viewers := t.dueWorld(viewerCount, "tok_ok")
	rng := t.rng("runs")
	w.runUntilKilled(p, 1+rng.IntN(p.passes), pick(rng, "", "lose_answers=0.3,hold_lost=20ms", "lose_requests=0.3,hold_lost=20ms"))
	w.count(killsAtStep, 1)
	w.api("BILLING_SWEEP_INTERVAL=1h")
	forEach(3, viewers[:3], func(_ int, v viewer) { v.cancel() })
	w.runUntilKilled(killPoint{name: "sweep.found"}, 1, "")
	w.check()
	w.checkRenewed(viewerCount, 3)
}

// runUntilKilled starts a run that kills itself when it reaches p for the pass-th time.
func (w *world) runUntilKilled(p killPoint, pass int, faults string) {
	r := w.startRunWith(crashing, nil, "BILLING_CRASH_AT="+p.name, fmt.Sprint("BILLING_CRASH_PASS=", pass), "BILLING_SIMULATOR_MISHAPS="+faults)
	w.note("a run kills itself at %s, pass %d; faults: %q", p.name, pass, faults)
	r.wait()
	w.checkKilled(r.process, p)
}

// checkRenewed checks that all n subscriptions were renewed, except for at most cancelled
// ones, which viewers cancelled during the run.
func (w *world) checkRenewed(n, cancelled int) {
	renewed := w.queryInt(`SELECT count(*) FROM events WHERE type = 'renewed'`)
	if renewed < n-cancelled || renewed > n {
		w.violated("%d of %d subscriptions were renewed, and %d were cancelled during the run", renewed, n, cancelled)
	}
}

// killSettle kills a run, so that payments with unknown outcomes remain, and then kills
// the API that settles them.
func killSettle(t *trial, p killPoint) {
	w, _ := t.dueWorld(viewerCount, "tok_ok")
	rng := t.rng("runs")
	w.runUntilKilled(killPoint{name: pick(rng, "renew.claimed", "charge.before", "charge.after")}, 1, "")
	var replaced sync.WaitGroup
	w.startCrashingAPI(p, 1+rng.IntN(p.passes), &replaced)
	replaced.Wait()
	w.check()
	w.checkRenewed(viewerCount, 0)
}
