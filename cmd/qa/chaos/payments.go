package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// paymentSystem returns the scenarios with faults of the payment system.
func paymentSystem() []scenario {
	return []scenario{
		{
			name: "payment system/mixed faults", short: 2, long: 10,
			description: "charges fail before or after the money has moved: responses are lost, cut off, late or invalid, requests are refused; lookups fail too",
			run:         mixedFaults,
		},
		{
			name: "payment system/wrong sums", short: 1, long: 5,
			description: "it takes wrong amounts, and charges some payments twice: the service stores none of it as paid, and reconcile lists each",
			run:         wrongAmounts,
		},
	}
}

// randomFaults returns random values of BILLING_SIMULATOR_MISHAPS.
func randomFaults(rng interface{ IntN(int) int }) string {
	of := func(most int) string { return fmt.Sprintf("%.2f", float64(rng.IntN(most+1))/100) }
	return strings.Join([]string{
		"lose_answers=" + of(15), "break_answers=" + of(15), "nonsense=" + of(10), "lose_requests=" + of(15),
		"unavailable=" + of(15), "lose_lookups=" + of(30), fmt.Sprintf("hold_lost=%dms", 1+rng.IntN(700)), // may be longer than the charge timeout
		fmt.Sprintf("latency=%dms", rng.IntN(30)), fmt.Sprint("seed=", rng.IntN(1<<20)),
	}, ",")
}

// mixedFaults lets months pass with changing faults of the payment system.
func mixedFaults(t *trial) {
	n, months := 20, 2
	if t.long {
		n, months = 100, 5
	}
	rng := t.rng("faults")
	w := t.world()
	w.setClock(january31)
	what := randomFaults(rng)
	w.note("subscribe; faults: %s", what)
	a := w.api("BILLING_SIMULATOR_MISHAPS=" + what)
	w.subscribeViewers(n, "tok_ok")
	for i := range n / 10 { // the payment system refuses the first two charges with 429
		w.viewer(fmt.Sprint("crowded-", i)).subscribe(fmt.Sprint("tok_card_rate_limited_twice~", i))
	}
	for month := range months {
		w.setClock(dueAt(month + 1))
		for range 1 + rng.IntN(2) {
			what := randomFaults(rng)
			w.note("month %d; faults: %s", month+1, what)
			code, sum := w.startRun("BILLING_SIMULATOR_MISHAPS=" + what).wait()
			w.note("the run exited with code %d: %+v", code, sum)
		}
		if rng.IntN(2) == 0 {
			w.drain()
		}
	}
	a.kill()
	w.check()
	w.countLogLines("charges failed", `"msg":"charge failed"`)
	w.countLogLines("look-ups failed", `"msg":"lookup failed"`)
	if w.counted("charges failed") == 0 {
		t.noFault("no charge failed")
	}
}

// countLogLines counts the lines of the programs' output that contain text.
func (w *world) countLogLines(what, text string) {
	for _, line := range w.printed() {
		if strings.Contains(line, text) {
			w.count(what, 1)
		}
	}
}

// wrongAmounts does not audit the world, because the ledger must differ. It checks that
// the service reports each difference.
func wrongAmounts(t *trial) {
	w, _ := t.dueWorld(30, "tok_ok")
	what := fmt.Sprintf("other_amounts=0.3,charge_twice=0.2,seed=%d", t.rng("faults").IntN(1<<20))
	w.note("faults: %s", what)
	// On a slow machine the first run sends only part of the charges. Later runs send
	// the rest to the same faulty payment system.
	waitFor(maxWait, func() bool {
		w.startRun("BILLING_SIMULATOR_MISHAPS=" + what).wait()
		return w.queryInt(openPayments) == 0
	})
	other := w.queryLines(`SELECT DISTINCT c.key FROM simulator.charges c JOIN payments p ON p.id::text = c.key WHERE c.amount <> p.amount`)
	twice := w.queryLines(`SELECT key FROM simulator.charges GROUP BY key HAVING count(*) > 1`)
	if len(other) == 0 || len(twice) == 0 {
		t.noFault("the payment system took %d wrong amounts and charged %d payments twice, want both", len(other), len(twice))
	}
	w.count("wrong sums", len(other)+len(twice))
	found := w.reconcile()
	slices.Sort(other)
	slices.Sort(twice)
	if !slices.Equal(found.MissingHere, other) || !slices.Equal(found.Double, twice) || len(found.MissingThere)+len(found.Different) > 0 {
		w.violated("reconcile found %v; wrong amounts were taken for %v, and %v were charged twice", found, other, twice)
	}
	for _, line := range w.queryLines(`
		SELECT format('payment %s is %s, with contradiction %L and %s events', p.id, p.status, p.contradiction, count(e.id))
		FROM simulator.charges c JOIN payments p ON p.id::text = c.key
		LEFT JOIN events e ON e.user_id = p.user_id AND e.payment_id = p.id AND e.type = 'payment_contradicted'
		WHERE c.amount <> p.amount
		GROUP BY p.id, p.status, p.contradiction HAVING p.status <> 'pending' OR p.contradiction = '' OR count(DISTINCT e.id) <> 1`) {
		w.violated("wrong amount: %s", line)
	}
	w.countTotals()
}

// sleep waits for d, or until the trial is cancelled.
func (t *trial) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.ctx.Done():
	}
}
