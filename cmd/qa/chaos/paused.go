package main

import (
	"net/http"
	"sync"
	"syscall"
	"time"
)

// paused returns the scenarios of a process that stops itself (SIGSTOP) at a named step
// and is resumed later, as when its machine is suspended or swaps.
func paused() []scenario {
	return []scenario{
		{
			name: "held/before the charge", short: 1, long: 5,
			description: "an API pauses between intent and charge, within its send window: the other API waits, and the paused one charges",
			run:         pausedBeforeCharge,
		},
		{
			name: "held/too long", short: 1, long: 5,
			description: "an API pauses between intent and charge until its send window is over: the other API abandons the payment, and the paused one does not charge",
			run:         pausedTooLong,
		},
		{
			name: "held/after the charge", short: 1, long: 5,
			description: "an API pauses between the charge and its record: the other API looks the payment up and settles it, and the late record changes nothing",
			run:         pausedAfterCharge,
		},
		{
			name: "held/two sweeps", short: 1, long: 5,
			description: "two sweeps find that a charge was never sent, and the viewer cancels: only the sweep with the send lease decides",
			run:         pausedSweeps,
		},
	}
}

// pausingAPI starts an API that pauses the first time it reaches each of the steps.
func (w *world) pausingAPI(at string, vars ...string) *api {
	return w.apiOf(crashing, append(vars, "BILLING_STOP_AT="+at)...)
}

// waitPaused waits until p has paused at a step.
func (w *world) waitPaused(p *process, at string) {
	if !waitFor(maxWait, p.suspended) {
		w.inconclusive("%s does not reach %s; its output ends with\n%s", p.name, at, p.tail())
	}
	w.note("%s has paused at %s", p.name, at)
}

// resume resumes a paused process.
func (w *world) resume(p *process) {
	w.note("%s is resumed", p.name)
	w.count("holds", 1)
	p.signal(syscall.SIGCONT)
}

// subscribeAsync sends a subscribe request to a. It returns a function that waits for the
// response.
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
	w := t.world("BILLING_CHARGE_TIMEOUT=5s") // so that a slow machine does not exceed the send window
	a := w.pausingAPI("subscribe.intent", "BILLING_SWEEP_INTERVAL=1h")
	w.api()
	alice := w.viewer("alice")
	waitResponse := w.subscribeAsync(alice, a)
	w.waitPaused(a.process, "subscribe.intent")
	time.Sleep(time.Duration(1000+t.rng("hold").IntN(2000)) * time.Millisecond) // at least five sweeps
	w.resume(a.process)
	if got, err := waitResponse(); err != nil || got.status != http.StatusCreated && got.status != http.StatusAccepted {
		w.violated("the paused request got %v, error %v", got, err)
	}
	w.check()
	w.checkCharges(1)
}

func pausedTooLong(t *trial) {
	w := t.world()
	a := w.pausingAPI("charge.before", "BILLING_SWEEP_INTERVAL=1h")
	alice := w.viewer("alice")
	waitResponse := w.subscribeAsync(alice, a)
	w.waitPaused(a.process, "charge.before")
	w.api()
	if !waitFor(maxWait, func() bool { return w.queryInt(openPayments) == 0 }) {
		w.violated("no sweep abandoned the payment of the paused API within %v", maxWait)
	}
	w.resume(a.process)
	if got, err := waitResponse(); err != nil || got.status == http.StatusCreated {
		w.violated("the request that was paused too long got %v, error %v", got, err)
	}
	w.checkCharges(0)
	if got := alice.subscribe("tok_ok"); got.status != http.StatusCreated {
		w.violated("the retry got %v, want 201", got)
	}
	w.check()
	w.checkCharges(1)
}

func pausedAfterCharge(t *trial) {
	w := t.world()
	a := w.pausingAPI("charge.after", "BILLING_SWEEP_INTERVAL=1h")
	alice := w.viewer("alice")
	waitResponse := w.subscribeAsync(alice, a)
	w.waitPaused(a.process, "charge.after")
	w.api()
	if !waitFor(maxWait, func() bool { return w.queryInt(openPayments) == 0 }) {
		w.violated("no sweep settled the payment of the paused API within %v", maxWait)
	}
	w.resume(a.process)
	if got, err := waitResponse(); err != nil || got.status != http.StatusCreated {
		w.violated("the paused request got %v, error %v", got, err)
	}
	w.check()
	w.checkCharges(1)
}

func pausedSweeps(t *trial) {
	w, viewers := t.dueWorld(1, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s")
	w.api("BILLING_SWEEP_INTERVAL=1h") // before the run, because it sweeps once
	w.runUntilKilled(killPoint{name: "charge.before"}, 1, "")
	w.waitForRows("the send window of the charge is over", sendWindowOver)
	first := w.pausingAPI("sweep.found,sweep.resend")
	w.waitPaused(first.process, "sweep.found")
	w.waitForRows("the first sweep's lease is over", sweepLeaseOver)
	second := w.pausingAPI("sweep.found")
	w.waitPaused(second.process, "sweep.found")
	w.resume(first.process)
	w.waitPaused(first.process, "sweep.resend")
	var cancel sync.WaitGroup
	viewers[0].cancelAsync(&cancel)
	w.resume(second.process)
	waitFor(3*time.Second, func() bool { return second.logged("swept") > 0 }) // the first sweep may send for five seconds
	w.resume(first.process)
	cancel.Wait()
	w.check()
	if len(w.result.Violations) == 0 && viewers[0].charges() < 2 {
		t.noFault("the first sweep was resumed too late to send the charge")
	}
}

// waitForRows waits until a count query returns more than 0.
func (w *world) waitForRows(what, query string) {
	if !waitFor(maxWait, func() bool { return w.queryInt(query) > 0 }) {
		w.inconclusive("timeout: %s: not within %v", what, maxWait)
	}
}
