package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// reminders returns the scenarios with reminders and required notices.
func reminders() []scenario {
	return []scenario{{
		name: "reminder/runs at once", short: 1, long: 5,
		description: "runs remind at the same time, one is killed, viewers take cancels back late, and a run is missed: each renewal is announced once, and charged when its notice is old enough",
		run:         remindAtOnce,
	}}
}

// notice is BILLING_NOTICE_REQUIRED of the scenario.
const notice = 24 * time.Hour

// remindAtOnce has viewers of two kinds: the first half renews without further action. The
// others cancel at first and take it back an hour before the charge, too late for a notice in
// time.
func remindAtOnce(t *trial) {
	const n, late = 24, 12
	w := t.world("BILLING_CHARGE_TIMEOUT=5s", "BILLING_NOTICE_REQUIRED=24h")
	w.setClock(january31)
	w.api()
	viewers := w.subscribeViewers(n, "tok_ok")
	w.awaitActive(viewers, "tok_ok")
	forEach(8, viewers[:late], func(_ int, v viewer) { v.cancel() })

	w.setClock(dueAt(1).Add(-2 * notice))
	w.remindAtOnce()
	w.expectReminders(n - late)

	w.setClock(dueAt(1).Add(-time.Hour))
	forEach(8, viewers[:late], func(_ int, v viewer) {
		if got := v.retry(http.MethodPost, "/v1/subscriptions/premium/resume", "resume-"+v.name, ""); got.status != http.StatusOK {
			w.violated("resume of %s: %v", v.name, got)
		}
	})
	w.remindAtOnce()
	w.expectReminders(n)

	w.setClock(dueAt(1))
	w.expectRun("the first half is charged", 0, runSummary{Due: n - late, Renewed: n - late, Waiting: late})
	w.setClock(dueAt(1).Add(notice - time.Hour))
	w.expectRun("the others are charged", 0, runSummary{Due: late, Renewed: late})
	w.check()

	missed := dueAt(2).Add(time.Hour)
	w.setClock(missed)
	w.remindAtOnce()
	w.expectReminders(2 * n)
	w.expectRun("after missed runs", 0, runSummary{Waiting: n})
	w.setClock(missed.Add(notice))
	w.check()
	w.checkCharges(3 * n)
	w.checkNotices()
}

// remindAtOnce makes three runs at the same time, kills one of them, and makes another.
func (w *world) remindAtOnce() {
	var all sync.WaitGroup
	killed := w.startRun()
	for range 2 {
		r := w.startRun()
		all.Go(func() { r.mustFinish() })
	}
	w.sleep(time.Duration(w.rng("kill").IntN(300)) * time.Millisecond)
	killed.kill()
	all.Wait()
	w.waitForRows("Postgres has ended the transactions of the killed run", `SELECT 1 - least(count(*), 1) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name <> 'chaos' AND xact_start IS NOT NULL`)
	w.startRun().mustFinish()
}

func (w *world) expectReminders(want int) {
	if n := w.queryInt(`SELECT count(*) FROM events WHERE type = 'renewal_reminder'`); n != want {
		w.violated("I16: the history has %d reminders, want %d", n, want)
	}
}

// checkNotices checks that each renewal has a reminder of the required age.
func (w *world) checkNotices() {
	for _, line := range w.queryLines(fmt.Sprintf(`
		SELECT format('payment %%s was created at %%s without a notice before %%s', p.id, p.created_at, p.created_at - interval '%d seconds')
		FROM payments p
		WHERE p.initiator = 'merchant' AND NOT EXISTS (SELECT FROM events e
			WHERE e.user_id = p.user_id AND e.subscription_id = p.subscription_id AND e.type = 'renewal_reminder'
			  AND e.access_until = p.period_start AND e.at <= p.created_at - interval '%[1]d seconds')`, int(notice.Seconds()))) {
		w.violated("I16: %s", line)
	}
}
