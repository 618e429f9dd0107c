package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// soaks returns the scenario with random kills over several months.
func soaks() []scenario {
	return []scenario{{
		name: "soak", short: 1, long: 12,
		description: "two runs and two APIs are killed at random, for several months, while viewers subscribe, cancel and resume, and responses are lost",
		run:         soak,
	}}
}

// soakSize sets the length of a soak; newcomers and kills are per month.
type soakSize struct{ viewers, newcomers, months, killsOfRuns, killsOfAPIs int }

// soak lets months pass. The trials of the long form reach the minimum counts only
// together, because most of a month is spent waiting until the send windows of killed
// processes have passed.
func soak(t *trial) {
	size := soakSize{viewers: 40, newcomers: 4, months: 2, killsOfRuns: 6, killsOfAPIs: 2}
	if t.long {
		size = soakSize{viewers: 120, newcomers: 12, months: 6, killsOfRuns: 6, killsOfAPIs: 2}
	}
	w := t.world("BILLING_SIMULATOR_MISHAPS=lose_answers=0.02,break_answers=0.02,lose_requests=0.02,hold_lost=50ms,latency=50ms,seed=" + fmt.Sprint(t.seed))
	w.setClock(january31)
	var apis restartingAPIs
	apis.run(w, 2)
	w.subscribeViewers(size.viewers, "tok_ok")
	for month := range size.months {
		w.setClock(dueAt(month + 1))
		w.note("month %d", month+1)
		rng := t.rng(fmt.Sprint("month ", month))
		var busy sync.WaitGroup
		busy.Go(func() { apis.kill(w, size.killsOfAPIs, rng.IntN(1000)) })
		busy.Go(func() { w.cancelAndResume(size.viewers, month) })
		busy.Go(func() { w.newcomers(size.newcomers, month) })
		w.killRuns(size.killsOfRuns, t.rng(fmt.Sprint("runs ", month)))
		busy.Wait()
		w.drain()
	}
	apis.stop()
	w.check()
}

// cancelAndResume makes some viewers cancel, and most of these resume.
func (w *world) cancelAndResume(n, month int) {
	rng := w.rng(fmt.Sprint("minds ", month))
	for range max(2, n/50) {
		v := w.viewer(fmt.Sprint("viewer-", rng.IntN(n)))
		key := fmt.Sprintf("-%d-%d", month, rng.IntN(1<<30))
		if v.retry(http.MethodPost, "/v1/subscriptions/premium/cancel", "cancel"+key, "").status == http.StatusOK && rng.IntN(4) > 0 {
			v.retry(http.MethodPost, "/v1/subscriptions/premium/resume", "resume"+key, "")
		}
	}
}

// newcomers subscribes n new viewers, two at a time, while APIs are killed.
func (w *world) newcomers(n, month int) {
	forEach(2, make([]viewer, n), func(i int, _ viewer) {
		v := w.viewer(fmt.Sprintf("new-%d-%d", month, i))
		v.subscribe("tok_ok~" + v.name)
	})
}

// killRuns keeps two runs going and kills one of them at random, as often as kills
// says. A run that has finished is replaced by a new one.
func (w *world) killRuns(kills int, rng *rand.Rand) {
	runs := make([]*renewalRun, 2)
	for range kills {
		for i, r := range runs {
			if r == nil || r.ended() {
				runs[i] = w.startRunWith(released, []string{"--concurrency", "4"})
			}
		}
		victim := runs[rng.IntN(len(runs))]
		w.sleep(time.Duration(100+rng.IntN(400)) * time.Millisecond)
		w.killAndCount(victim.process)
	}
	for _, r := range runs {
		if r != nil {
			r.wait()
		}
	}
}

// killAndCount kills a process, unless it has ended. It counts the kill, and whether
// payments were pending within their send window.
func (w *world) killAndCount(p *process) {
	open := w.queryInt(openPayments + ` AND send_until > now()`)
	if p.ended() {
		return
	}
	p.kill()
	w.count("kills", 1)
	if open > 0 {
		w.count("kills while payments were open", 1)
	}
}

// restartingAPIs are APIs that are killed and replaced.
type restartingAPIs struct {
	mu   sync.Mutex
	apis []*api
}

func (k *restartingAPIs) run(w *world, n int) {
	for range n {
		k.apis = append(k.apis, w.api())
	}
}

// kill kills the APIs in turn, as often as times says, and replaces each.
func (k *restartingAPIs) kill(w *world, times, first int) {
	for n := range times {
		w.sleep(time.Duration(300+first) * time.Millisecond)
		k.mu.Lock()
		i := (first + n) % len(k.apis)
		w.killAndCount(k.apis[i].process)
		next, err := w.startAPI(released)
		if err != nil {
			w.violated("a new API does not start: %v", err)
			k.mu.Unlock()
			return
		}
		k.apis[i] = next
		k.mu.Unlock()
	}
}

func (k *restartingAPIs) stop() {
	for _, a := range k.apis {
		a.kill()
	}
}
