package main

import (
	"fmt"
	"strings"
)

// silences returns the scenario of outcomes that no response and no lookup reports.
func silences() []scenario {
	return []scenario{{
		name: "payment system/no outcome", short: 1, long: 5,
		description: "responses, requests and all lookups are lost: no payment is given up before an outcome is known; a person settles half of them as the ledger says, and lookups that work again the others",
		run:         noOutcome,
	}}
}

// noOutcome leaves first payments and renewals without an outcome until each has been
// looked up several times after its send window. Half of them were charged.
func noOutcome(t *trial) {
	const n = 8
	const faults = "BILLING_SIMULATOR_MISHAPS=lose_answers=0.5,lose_requests=0.5,hold_lost=1ms,lose_lookups=1"
	w, _ := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=2s")
	a := w.api(faults)
	forEach(4, make([]viewer, n), func(i int, _ viewer) {
		v := w.viewer(fmt.Sprint("new-", i))
		v.subscribe("tok_ok~" + v.name)
	})
	code, sum := w.startRun(faults).wait()
	w.note("the run exited with code %d: %+v", code, sum)
	open := w.queryInt(openPayments)
	waitFor(maxWait, func() bool { return w.queryInt(openPayments+` AND send_until > now()`) == 0 })
	before := a.lookupsFailed()
	looked := waitFor(maxWait, func() bool { return a.lookupsFailed() >= before+open || w.queryInt(openPayments) < open })
	w.count("look-ups failed", a.lookupsFailed())
	if now := w.queryInt(openPayments); now != open {
		w.violated("%d of %d payments were settled, although no outcome was known", open-now, open)
	}
	a.kill()
	for i, d := range w.queryLines(pendingByLedger) {
		if id, as, _ := strings.Cut(d, " "); i%2 == 0 {
			w.settlePayment(id, as)
			w.count("payments settled by a person", 1)
		}
	}
	w.check()
	if len(w.result.Violations) == 0 && (open < n || !looked) {
		t.noFault("%d payments were pending, want at least %d, and a lookup of each after its send window", open, n)
	}
}

// pendingByLedger selects each pending payment, and its outcome according to the ledger.
const pendingByLedger = `SELECT format('%s %s', p.id, CASE WHEN c.key IS NULL THEN 'abandoned' ELSE 'succeeded' END)
	FROM payments p LEFT JOIN simulator.charges c ON c.key = p.id::text WHERE p.status = 'pending' ORDER BY p.id`

// settlePayment settles a payment through billingctl.
func (w *world) settlePayment(id, as string) {
	cmd := w.billingctl("payment", "settle", id, "--as", as, "--reason", "the ledger of the payment system")
	if out, err := cmd.CombinedOutput(); err != nil {
		w.violated("payment settle %s --as %s: %v\n%s", id, as, err, out)
	}
}
