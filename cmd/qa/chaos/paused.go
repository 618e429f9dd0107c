package main

import (
	"net/http"
	"sync"
	"syscall"
	"time"
)

// held lists scenarios in which a process is stopped (SIGSTOP) at a named place
// and goes on later, as one does whose machine was paused or swapped out.
func paused() []scenario {
	return []scenario{
		{
			name: "held/before the charge", short: 1, long: 5,
			description: "an API is held up between intent and charge, for less than it may send: the others wait for it, and it charges",
			run:         pausedBeforeCharge,
		},
		{
			name: "held/too long", short: 1, long: 5,
			description: "an API is held up between intent and charge until it may not send any more: the others give up for it, and it charges nothing",
			run:         pausedTooLong,
		},
		{
			name: "held/after the charge", short: 1, long: 5,
			description: "an API is held up between the answer and writing it down: another finds out and settles, and its own record changes nothing",
			run:         pausedAfterCharge,
		},
		{
			name: "held/two sweeps", short: 1, long: 5,
			description: "two sweeps find that a charge was never sent, and the viewer cancels: one of them decides, the other sees that it may not",
			run:         pausedSweeps,
		},
	}
}

// holding is an API that stops at places, the first time that it comes there.
func (w *world) pausingAPI(at string, vars ...string) *api {
	return w.apiOf(crashing, append(vars, "BILLING_STOP_AT="+at)...)
}

// waitHeld waits until a process stopped itself.
func (w *world) waitPaused(p *process, at string) {
	if !waitFor(maxWait, p.suspended) {
		w.inconclusive("%s does not come to %s; it said\n%s", p.name, at, p.tail())
	}
	w.note("%s is held at %s", p.name, at)
}

// letGo lets a process go on that stopped itself.
func (w *world) resume(p *process) {
	w.note("%s goes on", p.name)
	w.count("holds", 1)
	p.signal(syscall.SIGCONT)
}

// sending sends a subscribe to one API, and returns what waits for the answer.
func (w *world) subscribeAsync(v viewer, a *api) (wait func() (response, error)) {
	var got response
	var err error
	var done sync.WaitGroup
	done.Go(func() {
		got, err = v.send(w.ctx, a, http.MethodPost, "/v1/subscriptions", "subscribe-"+v.name, subscribeBody("tok_ok"))
	})
	return func() (response, error) { done.Wait(); return got, err }
}

func pausedBeforeCharge(t *trial) {
	w := t.world("BILLING_CHARGE_TIMEOUT=5s") // a slow machine must not make it miss its time
	a := w.pausingAPI("subscribe.intent", "BILLING_SWEEP_INTERVAL=1h")
	w.api()
	alice := w.viewer("alice")
	answered := w.subscribeAsync(alice, a)
	w.waitPaused(a.process, "subscribe.intent")
	time.Sleep(time.Duration(1000+t.rng("hold").IntN(2000)) * time.Millisecond) // ten sweeps
	w.resume(a.process)
	if got, err := answered(); err != nil || got.status != http.StatusCreated && got.status != http.StatusAccepted {
		w.violated("the request that was held up was answered %v, %v", got, err)
	}
	w.check()
	w.checkCharges(1)
}

func pausedTooLong(t *trial) {
	w := t.world()
	a := w.pausingAPI("charge.before", "BILLING_SWEEP_INTERVAL=1h")
	alice := w.viewer("alice")
	answered := w.subscribeAsync(alice, a)
	w.waitPaused(a.process, "charge.before")
	w.api()
	if !waitFor(maxWait, func() bool { return w.queryInt(openPayments) == 0 }) {
		w.violated("nobody gave up for the API that is held up")
	}
	w.resume(a.process)
	if got, err := answered(); err != nil || got.status == http.StatusCreated {
		w.violated("the request that was held up too long was answered %v, %v", got, err)
	}
	w.checkCharges(0)
	if got := alice.subscribe("tok_ok"); got.status != http.StatusCreated {
		w.violated("repeated, the request is answered %v", got)
	}
	w.check()
	w.checkCharges(1)
}

func pausedAfterCharge(t *trial) {
	w := t.world()
	a := w.pausingAPI("charge.after", "BILLING_SWEEP_INTERVAL=1h")
	alice := w.viewer("alice")
	answered := w.subscribeAsync(alice, a)
	w.waitPaused(a.process, "charge.after")
	w.api()
	if !waitFor(maxWait, func() bool { return w.queryInt(openPayments) == 0 }) {
		w.violated("nobody found out for the API that is held up")
	}
	w.resume(a.process)
	if got, err := answered(); err != nil || got.status != http.StatusCreated {
		w.violated("the request that was held up was answered %v, %v", got, err)
	}
	w.check()
	w.checkCharges(1)
}

func pausedSweeps(t *trial) {
	w, viewers := t.dueWorld(1, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s")
	w.killedRun(killPoint{name: "charge.before"}, 1, "")
	quiet := w.api("BILLING_SWEEP_INTERVAL=1h")
	w.waitForRows("nobody may send the charge", `SELECT count(*) FROM payments WHERE send_until <= now()`)
	first := w.pausingAPI("sweep.found,sweep.resend")
	w.waitPaused(first.process, "sweep.found")
	w.waitForRows("the first sweep's lease is over", `SELECT count(*) FROM payments WHERE sweep_at <= now()`)
	second := w.pausingAPI("sweep.found")
	w.waitPaused(second.process, "sweep.found")
	w.resume(first.process)
	w.waitPaused(first.process, "sweep.resend")
	if got, err := viewers[0].send(w.ctx, quiet, http.MethodPost, "/v1/subscriptions/premium/cancel", "", ""); err != nil || got.status != http.StatusOK {
		w.violated("cancel: %v, %v", got, err)
	}
	w.resume(second.process)
	time.Sleep(time.Second) // for it to decide; the first may send for five seconds
	w.resume(first.process)
	w.check()
}

// soon waits until a query counts something.
func (w *world) waitForRows(what, query string) {
	if !waitFor(maxWait, func() bool { return w.queryInt(query) > 0 }) {
		w.inconclusive("%s: not within %v", what, maxWait)
	}
}
