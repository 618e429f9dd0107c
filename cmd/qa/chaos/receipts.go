package main

import (
	"fmt"
	"net/http"
	"strings"
)

// receipts returns the scenario of a payment system that needs fiscal receipts.
func receipts() []scenario {
	return []scenario{{
		name: "receipts/faults", short: 1, long: 5,
		description: "charges and refunds with receipts lose requests and responses, and receipts are registered late or fail: each has its receipt, or an alarm",
		run:         receiptFaults,
	}}
}

// withReceipts makes the simulator need a receipt with each charge.
const withReceipts = "BILLING_SIMULATOR_MISHAPS=receipts=full_payment"

// contactDomain is the domain of all contacts. No output may contain it.
const contactDomain = "receipts.example"

// subscribeForReceipt subscribes with a contact of the viewer's own.
func (v viewer) subscribeForReceipt(token string) response {
	body := strings.Replace(subscribeBody(token), "{", fmt.Sprintf(`{"receipt":{"email":"%s@%s"},`, v.name, contactDomain), 1)
	return v.retry(http.MethodPost, "/v1/subscriptions", "subscribe-"+v.name, body)
}

// receiptFaults renews and refunds with faults. Afterwards every receipt gets its status.
func receiptFaults(t *trial) {
	w := t.world("BILLING_CHARGE_TIMEOUT=2s", withReceipts)
	w.setClock(january31)
	first := w.api()
	forEach(8, w.viewers(viewerCount), func(i int, v viewer) { v.subscribeForReceipt(fmt.Sprintf("tok_ok~%d", i)) })
	w.drain()
	first.kill()
	paid := w.succeeded()
	faults := fmt.Sprintf("%s,fail_receipts=0.3,receipt_delay=2s,lose_answers=0.3,break_answers=0.1,lose_requests=0.2,unavailable=0.1,lose_lookups=0.2,"+
		"hold_lost=20ms,seed=%d", withReceipts, t.seed)
	w.setClock(dueAt(1))
	faulty := w.api(faults)
	forEach(4, paid, func(_ int, id string) { w.refund(id, "--amount", "100.00") })
	code, sum := w.startRun(faults).wait()
	w.note("the run exited with code %d: %+v", code, sum)
	w.waitForRows("refunds were sent", fmt.Sprintf(`SELECT count(*) / %d FROM refunds WHERE first_sent_at IS NOT NULL OR status = 'succeeded'`, len(paid)))
	faulty.kill()
	w.api()
	w.settleReceipts()
	w.checkRefunds()
	w.settleReceipts() // those of payments that were settled since
	w.auditReceipts()
}

// settleReceipts waits until no refund is open and all receipts have a final status. It
// does not wait for the time of their next lookups.
func (w *world) settleReceipts() {
	limit := maxWait
	if w.mutant != "" { // a bug may keep receipts pending for ever
		limit = mutantDrainTime / 4
	}
	settled := waitFor(limit, func() bool {
		_, err := w.pool.Exec(w.ctx, `UPDATE receipts SET look_at = now() WHERE look_at > now()`)
		return err == nil && w.queryInt(openRefunds) == 0 && w.queryInt(openPayments) == 0 &&
			w.queryInt(`SELECT count(*) `+pendingReceipts) == 0
	})
	if !settled {
		w.note("receipts are pending after %v", limit) // the audit reports them
	}
}

// auditReceipts checks that each receipt went to its viewer, that all are settled, and that
// each that failed has an alarm.
func (w *world) auditReceipts() {
	for _, line := range w.queryLines(fmt.Sprintf(`
		SELECT format('%%s %%s has the receipt of another viewer', t.kind, r.id)
		FROM (SELECT 'payment', key, receipt_contact FROM simulator.requests UNION ALL SELECT 'refund', key, receipt_contact FROM simulator.refunds)
			t (kind, key, contact)
		JOIN receipts r ON r.id::text = t.key JOIN users u ON u.id = r.user_id
		WHERE t.contact <> sha256(convert_to(u.subject || '@%s', 'UTF8'))
		UNION ALL
		SELECT format('receipt %%s is still pending', r.id) `+pendingReceipts, contactDomain)) {
		w.violated("I19: %s", line)
	}
	var alarms strings.Builder
	for _, line := range w.printed() {
		if strings.Contains(line, "could not register a receipt") {
			alarms.WriteString(line + "\n")
		}
	}
	failed := w.queryLines(`SELECT id::text FROM receipts WHERE status = 'failed'`)
	for _, id := range failed {
		if !strings.Contains(alarms.String(), `"receipt_id":"`+id+`"`) {
			w.violated("I19: receipt %s failed without an alarm", id)
		}
	}
	w.count("receipts registered", w.queryInt(`SELECT count(*) FROM receipts WHERE status = 'registered'`))
	w.count("receipts failed", len(failed))
	w.countLogLines("charges and refunds failed", `"msg":"refund failed"`)
	w.countLogLines("charges and refunds failed", `"msg":"charge failed"`)
	if len(failed) == 0 || w.counted("charges and refunds failed") == 0 {
		w.noFault("%d receipts and %d charges and refunds failed, want some", len(failed), w.counted("charges and refunds failed"))
	}
}
