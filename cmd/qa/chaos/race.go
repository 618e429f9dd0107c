package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// races returns the scenarios of programs that compete for the same subscriptions.
func races() []scenario {
	return []scenario{
		{
			name: "race/runs", short: 1, long: 10,
			description: "four runs at the same time, while responses are lost: each subscription is charged once, and no run fails",
			run:         raceRuns,
		},
		{
			name: "race/cancel", short: 1, long: 10,
			description: "viewers cancel at the period's end, resume, or cancel at once, while two runs charge them: cancelled subscriptions are not billed again",
			run:         raceCancel,
		},
		{
			name: "race/price", short: 1, long: 10,
			description: "the price changes repeatedly while viewers subscribe and runs renew: new viewers pay the price they saw, others the price they agreed to",
			run:         racePrice,
		},
		{
			name: "race/locked", short: 1, long: 5,
			description: "some due subscriptions are locked while a run passes them: the run returns to them",
			run:         raceLocked,
		},
		{
			name: "race/clocks", short: 1, long: 5,
			description: "two runs with clocks an hour apart, for three months: each renewal is due once and charged once",
			run:         raceClocks,
		},
	}
}

func raceRuns(t *trial) {
	const n = 100
	w, _ := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s") // so that runs finish on a slow machine
	var all sync.WaitGroup
	for i := range 4 {
		r := w.startRunWith(released, []string{"--concurrency", "4"},
			fmt.Sprintf("BILLING_SIMULATOR_MISHAPS=lose_answers=0.2,hold_lost=20ms,latency=20ms,seed=%d", t.seed*10+uint64(i)))
		all.Go(func() {
			if r.mustFinish().Due > 0 {
				w.count(overlaps, 1)
			}
		})
	}
	all.Wait()
	w.check()
	w.checkRenewed(n, 0)
	w.requireOverlaps(2)
}

func raceCancel(t *trial) {
	const n = 30
	w, viewers := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s")
	w.api()
	w.api()
	runs := []*renewalRun{w.slowRun(), w.slowRun()}
	w.waitForRows("the runs have begun", renewalPayments)
	forEach(n, viewers, func(i int, v viewer) {
		rng := t.rng(v.name)
		w.sleep(time.Duration(rng.IntN(700)) * time.Millisecond)
		v.countOverlap()
		switch rng.IntN(4) {
		case 0:
			v.cancel()
		case 1:
			v.cancel()
			v.retry(http.MethodPost, "/v1/subscriptions/premium/resume", "resume-"+v.name, "")
		case 2:
			v.retry(http.MethodPost, "/v1/subscriptions/premium/cancel", "now-"+v.name, `{"at":"now"}`)
		}
	})
	for _, r := range runs {
		r.mustFinish()
	}
	w.check()
	w.setClock(dueAt(2))
	w.check() // cancelled subscriptions must not be billed for the next month
	w.requireOverlaps(n / 6)
}

const renewalPayments = `SELECT count(*) FROM payments WHERE initiator = 'merchant'`

// overlaps counts actions that happened during the operation that they compete with.
const overlaps = "done at the same time"

// beingCharged reports whether the viewer has a pending payment.
func (v viewer) beingCharged() bool {
	return v.w.queryInt(`SELECT count(*) FROM payments WHERE status = 'pending' AND user_id::text = $1`, auth.UserID(v.name)) > 0
}

// countOverlap counts an overlap if the viewer is being charged now.
func (v viewer) countOverlap() {
	if v.beingCharged() {
		v.w.count(overlaps, 1)
	}
}

// requireOverlaps repeats the trial if it had too few overlaps and no violation.
func (w *world) requireOverlaps(least int) {
	if n := w.counted(overlaps); n < least && len(w.result.Violations) == 0 {
		w.noFault("%d actions overlapped, want at least %d", n, least)
	}
}

// slowRun starts a run with slow charges, so that other actions can overlap with it.
func (w *world) slowRun() *renewalRun {
	return w.startRunWith(released, []string{"--concurrency", "3"}, "BILLING_SIMULATOR_MISHAPS=latency=200ms")
}

// renewingWorld returns a world with two APIs, in which a slow run charges n viewers.
func (t *trial) renewingWorld(n int) (*world, []viewer, *renewalRun) {
	w, viewers := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s")
	w.api()
	w.api()
	run := w.slowRun()
	w.waitForRows("the run has begun", renewalPayments)
	return w, viewers, run
}

// setPrice changes the price of the plan premium through billingctl.
func (w *world) setPrice(kopecks int) {
	cmd := w.billingctl("plan", "set-price", "premium", "--price", fmt.Sprintf("%d.%02d", kopecks/100, kopecks%100))
	if out, err := cmd.CombinedOutput(); err != nil {
		w.inconclusive("set-price: %v\n%s", err, out)
	}
	w.note("the price is %d", kopecks)
}

func racePrice(t *trial) {
	const n = 12
	w, _ := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s")
	a := w.api()
	old := 39900
	run := w.slowRun()
	for i := range 4 {
		now := 39900 + (i+1)*1000
		if !run.ended() {
			w.count(overlaps, 1)
		}
		w.setPrice(now)
		v := w.viewer(fmt.Sprint("new-", i))
		for _, c := range []struct {
			shown, status int
			code          string
		}{{old, http.StatusConflict, "price_changed"}, {now, http.StatusCreated, ""}} {
			got, err := v.send(w.ctx, a, http.MethodPost, "/v1/subscriptions", "", subscribeBodyFor("premium", c.shown, "tok_ok~"+v.name))
			if err != nil || got.body.Code != c.code || got.status != c.status && got.status != http.StatusAccepted {
				w.violated("the price is %d, the viewer saw %d and got %v, error %v", now, c.shown, got, err)
			}
		}
		old = now
	}
	run.mustFinish()
	w.drain()
	w.setClock(dueAt(2))
	w.check()
	w.requireOverlaps(1)
}

// raceLocked locks the subscriptions that are due first, as requests and other runs
// do, until the run has passed them.
func raceLocked(t *trial) {
	const n, locked = 12, 3
	w := t.world("BILLING_CHARGE_TIMEOUT=5s")
	a := w.api()
	for i := range n {
		w.setClock(january31.Add(time.Duration(i) * time.Minute))
		w.viewer(fmt.Sprint("viewer-", i)).subscribe("tok_ok")
	}
	a.kill()
	w.drain()
	w.setClock(dueAt(1).Add(time.Hour))
	tx, err := w.pool.Begin(w.ctx)
	t.require("lock", err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(w.ctx)) }()
	_, err = tx.Exec(w.ctx, `SELECT FROM subscriptions ORDER BY next_charge_at LIMIT $1 FOR NO KEY UPDATE`, locked)
	t.require("lock", err)
	run := w.slowRun()
	w.waitForRows("the run has passed the locked subscriptions", renewalPayments)
	t.require("unlock", tx.Rollback(w.ctx))
	if sum := run.mustFinish(); sum.Due != n {
		w.violated("the run skipped subscriptions that were locked for a moment: %+v, want %d due", sum, n)
	}
	w.check()
}

// raceClocks runs programs with the tag crash, because only they support
// BILLING_CLOCK_SKEW. The test clock itself is the same for all programs.
func raceClocks(t *trial) {
	const n = 12
	w, _ := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=5s")
	ahead, behind := "BILLING_CLOCK_SKEW=30m", "BILLING_CLOCK_SKEW=-30m"
	w.apiOf(crashing, behind)
	for month := range 3 {
		for _, at := range []time.Duration{-45 * time.Minute, -15 * time.Minute, 0, 15 * time.Minute, 45 * time.Minute} {
			w.setClock(dueAt(month + 1).Add(at))
			runs := []*renewalRun{w.startRunWith(crashing, nil, ahead), w.startRunWith(crashing, nil, behind)}
			early := runs[0].mustFinish().Due
			if late := runs[1].mustFinish().Due; early != map[bool]int{true: n}[at == -15*time.Minute] || late > 0 {
				w.violated("%v after the due time of %d renewals, the run with the fast clock found %d due, the other %d", at, n, early, late)
			}
		}
	}
	w.check()
	w.checkCharges(4 * n)
}
