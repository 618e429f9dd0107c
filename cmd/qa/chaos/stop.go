package main

import (
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// stops returns the scenarios of programs that receive SIGTERM.
func stops() []scenario {
	return []scenario{
		{
			name: "stop/run", short: 1, long: 10,
			description: "SIGTERM in the middle of a run: the run finishes the charges in flight and starts no others; the next run does the rest",
			run:         stopRun,
		},
		{
			name: "stop/API", short: 1, long: 10,
			description: "SIGTERM while viewers wait for their charge: all get their response",
			run:         stopAPI,
		},
	}
}

func stopRun(t *trial) {
	const n = 30
	w, _ := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=10s")
	w.drain() // renews the first month
	w.setClock(dueAt(2))
	r := w.startRunWith(released, []string{"--concurrency", "3"}, "BILLING_SIMULATOR_MISHAPS=latency=300ms")
	w.waitForRows("the run has begun", `SELECT count(*) FROM payments WHERE status = 'pending'`)
	w.sleep(time.Duration(t.rng("stop").IntN(800)) * time.Millisecond)
	began := time.Now()
	r.signal(syscall.SIGTERM)
	code, sum := r.wait()
	w.note("the run ended after %v with exit code %d: %+v", time.Since(began).Round(time.Millisecond), code, sum)
	if code != 0 || sum.Due != sum.Renewed || sum.Due == n {
		w.violated("SIGTERM: the run exited with code %d: %+v; %d renewals were due", code, sum, n)
	}
	if open := w.queryInt(openPayments); open != 0 {
		w.violated("SIGTERM: the run left %d payments pending", open)
	}
	w.check()
	w.checkCharges(3 * n)
}

func stopAPI(t *trial) {
	const n = 10
	w := t.world("BILLING_CHARGE_TIMEOUT=10s")
	a := w.api("BILLING_SIMULATOR_MISHAPS=latency=1s")
	var all sync.WaitGroup
	for i := range n {
		v := w.viewer(fmt.Sprint("viewer-", i))
		all.Go(func() {
			got, err := v.send(w.ctx, a, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok~"+v.name))
			if err != nil || got.status != http.StatusCreated {
				w.violated("SIGTERM: %s got %v, error %v", v.name, got, err)
			}
		})
	}
	w.waitForRows("all requests have stored their payment", fmt.Sprintf(`SELECT count(*) / %d FROM payments`, n))
	if w.queryInt(openPayments) == 0 {
		t.noFault("all requests had their response before SIGTERM")
	}
	a.signal(syscall.SIGTERM)
	all.Wait()
	if !waitFor(maxWait, a.ended) || a.exitCode() != 0 {
		w.violated("SIGTERM: the API did not exit with code 0; its output ends with\n%s", a.tail())
	}
	w.check()
	w.checkCharges(n)
}
