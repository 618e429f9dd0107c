package main

import "time"

// reconciled returns the scenario of comparisons with the ledger while payments move.
func reconciled() []scenario {
	return []scenario{{
		name: "reconcile/under load", short: 1, long: 2,
		description: "billingctl reconcile compares again and again while viewers subscribe, runs renew, and responses are lost: it finds no difference",
		run:         reconcileUnderLoad,
	}}
}

// comparedUnderLoad counts the comparisons that began while payments were pending.
const comparedUnderLoad = "comparisons under load"

func reconcileUnderLoad(t *trial) {
	n := 6
	if t.long {
		n = 25
	}
	const faults = "BILLING_SIMULATOR_MISHAPS=lose_answers=0.2,lose_requests=0.1,hold_lost=700ms,latency=50ms"
	w, _ := t.dueWorld(60, "tok_ok")
	w.api(faults)
	w.api(faults)
	load := w.busy(faults)
	for range n {
		pending := w.queryInt(openPayments)
		if found := w.reconcile(); found.differs() {
			w.violated("reconcile under load, with %d payments pending: %v", pending, found)
		}
		if pending > 0 {
			w.count(comparedUnderLoad, 1)
		}
		w.sleep(500 * time.Millisecond)
	}
	load.finish()
	if got := w.counted(comparedUnderLoad); got < n*4/5 && len(w.result.Violations) == 0 {
		t.noFault("payments were pending at the start of %d comparisons, want %d", got, n*4/5)
	}
	w.check()
}
