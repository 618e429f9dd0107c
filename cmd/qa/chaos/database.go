package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// databases returns the scenarios with an unavailable or slow database.
func databases() []scenario {
	return []scenario{
		{
			name: "database/restarts", short: 1, long: 4,
			description: "Postgres stops immediately, as in a power cut, and restarts, while viewers subscribe and runs renew: the API is back within five seconds",
			run:         restarts,
		},
		{
			name: "database/cut connections", short: 1, long: 4,
			description: "pg_terminate_backend ends connections, one after the other, while viewers subscribe and runs renew",
			run:         cutConnections,
		},
		{
			name: "database/cut at commit", short: 1, long: 10,
			description: "connections break during COMMIT, before or after Postgres executes it: the programs must treat the result as unknown",
			run:         cutAtCommit,
		},
		{
			name: "database/small pool", short: 1, long: 5,
			description: "200 viewers subscribe at the same time through an API with two database connections, while the payment system is slow",
			run:         smallPool,
		},
	}
}

// busy keeps a world under load until finish: viewers subscribe through its APIs,
// each once, and consecutive runs renew due subscriptions.
type busy struct {
	w    *world
	stop chan struct{}
	done sync.WaitGroup
	vars []string // environment variables of the runs
}

func (w *world) busy(vars ...string) *busy {
	b := &busy{w: w, stop: make(chan struct{}), vars: vars}
	b.done.Go(b.subscribe)
	b.done.Go(b.renew)
	return b
}

func (b *busy) stopped() bool {
	select {
	case <-b.stop:
		return true
	default:
		return b.w.ctx.Err() != nil
	}
}

// subscribe subscribes new viewers, four at a time, until finish.
func (b *busy) subscribe() {
	var each sync.WaitGroup
	for line := range 4 {
		each.Go(func() {
			for n := 0; !b.stopped(); n++ {
				v := b.w.viewer(fmt.Sprintf("new-%d-%d", line, n))
				v.subscribe("tok_ok~" + v.name)
			}
		})
	}
	each.Wait()
}

// renew starts one run after the other, until finish. A run that loses its database
// ends with an error, which is allowed.
func (b *busy) renew() {
	for !b.stopped() {
		p, err := b.w.start("renew", released, []string{"--json", "--concurrency", "4"}, b.vars...)
		if err != nil {
			b.w.violated("billing-renew: %v", err)
			return
		}
		if !waitFor(maxWait, p.ended) {
			b.w.violated("a renewal run did not end within %v; its output ends with\n%s", maxWait, p.tail())
			p.kill()
		}
		b.w.count("runs", 1)
		b.w.sleep(50 * time.Millisecond)
	}
}

// finish ends the load and waits until each viewer has a definite response.
func (b *busy) finish() {
	close(b.stop)
	b.done.Wait()
}

// slowCharges makes charges last long enough for a fault to hit them.
const slowCharges = "BILLING_SIMULATOR_MISHAPS=latency=20ms"

func restarts(t *trial) {
	times := 2
	if t.long {
		times = 5
	}
	s := t.ownServer(false)
	w, _ := t.dueWorldOn(s, 40, "tok_ok")
	a := w.api(slowCharges)
	b := w.busy(slowCharges)
	rng := t.rng("restarts")
	for range times {
		w.sleep(time.Duration(200+rng.IntN(1500)) * time.Millisecond)
		t.require("restart", s.restart(t.ctx))
		since := time.Now()
		back := waitFor(maxWait, func() bool {
			got, err := w.viewer("reader").send(w.ctx, a, http.MethodGet, "/v1/subscriptions", "", "")
			return err == nil && got.status == http.StatusOK
		})
		if took := time.Since(since); !back || took > 5*time.Second {
			w.violated("the API was back after %v, want 5s at most", took)
		} else {
			w.note("Postgres was restarted; the API is back after %v", took.Round(time.Millisecond))
		}
		w.count("restarts", 1)
	}
	b.finish()
	w.check()
}

func cutConnections(t *trial) {
	times := 20
	if t.long {
		times = 50
	}
	w, _ := t.dueWorld(60, "tok_ok")
	w.api(slowCharges)
	b := w.busy(slowCharges)
	rng := t.rng("cuts")
	for cut := 0; cut < times && t.ctx.Err() == nil; {
		w.sleep(time.Duration(5+rng.IntN(40)) * time.Millisecond)
		n := w.queryInt(`SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM (
			SELECT pid FROM pg_stat_activity
			WHERE datname = current_database() AND application_name <> 'chaos' -- the suite's own
			  AND backend_type = 'client backend'
			ORDER BY state = 'active' DESC, state LIKE 'idle in%' DESC, md5(pid::text || $1) LIMIT 1) one`, fmt.Sprint(rng.Uint64()))
		if n > 0 {
			cut += n
			w.count("connections cut", n)
		}
	}
	b.finish()
	w.check()
}

func cutAtCommit(t *trial) {
	w, _ := t.dueWorld(60, "tok_ok")
	p := startProxy(t, w.url, 0.15, 0.15)
	direct := w.url
	w.url = p.url(direct)
	w.api(slowCharges)
	p.armed.Store(true)
	b := w.busy(slowCharges)
	if !waitFor(maxWait, func() bool { return p.cuts.Load() >= 25 }) {
		t.inconclusive("only %d commits were cut", p.cuts.Load())
	}
	p.armed.Store(false)
	b.finish()
	w.count("commits cut", int(p.cuts.Load()))
	w.check()
}

func smallPool(t *trial) {
	const n = 200
	w := t.world("BILLING_CHARGE_TIMEOUT=10s")
	w.url = withPool(w.url, 2)
	a := w.api("BILLING_SIMULATOR_MISHAPS=latency=100ms")
	longest := make([]time.Duration, n)
	forEach(n, longest, func(i int, _ time.Duration) {
		v := w.viewer(fmt.Sprint("viewer-", i))
		began := time.Now()
		got, err := v.send(w.ctx, a, http.MethodPost, "/v1/subscriptions", "subscribe-"+v.name, subscribeBody("tok_ok~"+v.name))
		longest[i] = time.Since(began)
		if err != nil || got.status >= http.StatusInternalServerError && got.status != http.StatusServiceUnavailable {
			w.violated("%s got %v, error %v", v.name, got, err)
		}
		if err == nil && got.status == http.StatusServiceUnavailable {
			w.count("refused for want of a connection", 1)
		}
		v.subscribe("tok_ok~" + v.name)
	})
	slowest := longest[0]
	for _, d := range longest {
		slowest = max(slowest, d)
	}
	w.note("the slowest of %d responses took %v", n, slowest.Round(time.Millisecond))
	w.check()
	w.checkCharges(n)
}
