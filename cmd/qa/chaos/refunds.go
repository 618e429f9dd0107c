package main

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
)

// refunds returns the scenarios with refunds.
func refunds() []scenario {
	all := []scenario{
		{
			name: "refund/faults", short: 1, long: 5,
			description: "refunds lose requests and responses, and lookups fail: each goes back once",
			run:         refundFaults,
		},
		{
			name: "refund/two at once", short: 1, long: 5,
			description: "two refunds of a payment are requested at once, and more than is left afterwards: they never exceed it",
			run:         twoRefunds,
		},
		{
			name: "refund/late charge", short: 1, long: 5,
			description: "a person gives payments up, and viewers confirm them afterwards: all of the money goes back",
			run:         lateCharges,
		},
		{
			name: "refund/renewal under way", short: 1, long: 5,
			description: "subscriptions end by a refund while their renewals are charged: the renewals settle first, and go back too",
			run:         endWhileRenewing,
		},
	}
	// The end-to-end tests kill an API at each of these steps, so the short form has one.
	short := map[string]int{"refund.after": 1}
	for _, p := range []string{"refund.granted", "refund.before", "refund.after", "refund.recorded"} {
		all = append(all, scenario{
			name: "kill/refund/" + p, short: short[p], long: 10,
			description: fmt.Sprintf("kill -9 at %s, while an API sends refunds: each goes back once", p),
			run:         func(t *trial) { killRefund(t, killPoint{p, viewerCount / 2}) },
		})
	}
	return all
}

// refund requests a refund through billingctl, and reports whether it was accepted.
func (w *world) refund(payment string, args ...string) bool {
	out, err := w.billingctl(append([]string{"payment", "refund", payment, "--reason", "requested by the suite"}, args...)...).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "can still be refunded") && !strings.Contains(string(out), "another refund of the payment is pending") {
		w.violated("payment refund %s: %v\n%s", payment, err, out)
	}
	return err == nil
}

// succeeded returns the ids of the payments that succeeded.
func (w *world) succeeded() []string {
	return w.queryLines(`SELECT id::text FROM payments WHERE status = 'succeeded' ORDER BY id`)
}

// checkRefunds waits until all refunds are settled, and audits the world.
func (w *world) checkRefunds() {
	if w.runningAPI(0) == nil {
		w.api()
	}
	limit := maxWait
	if w.mutant != "" {
		limit = mutantDrainTime
	}
	waitFor(limit, func() bool { return w.queryInt(openRefunds) == 0 }) // I5 reports the others
	w.check()
	w.count("refunds", w.queryInt(`SELECT count(*) FROM refunds WHERE status = 'succeeded'`))
}

func refundFaults(t *trial) {
	w := t.world("BILLING_CHARGE_TIMEOUT=2s")
	first := w.api()
	w.subscribeViewers(viewerCount, "tok_ok")
	first.kill()
	faulty := w.api(fmt.Sprintf("BILLING_SIMULATOR_MISHAPS=lose_answers=0.3,break_answers=0.1,lose_requests=0.2,unavailable=0.1,busy=0.1,"+
		"lose_lookups=0.3,hold_lost=20ms,seed=%d", t.seed))
	paid := w.succeeded()
	forEach(4, paid, func(_ int, id string) { w.refund(id, "--amount", "100.00") })
	w.waitForRows("refunds were sent", fmt.Sprintf(`SELECT count(*) / %d FROM refunds WHERE first_sent_at IS NOT NULL OR status = 'succeeded'`, len(paid)))
	faulty.kill()
	w.checkRefunds()
	w.countLogLines("refunds failed", `"msg":"refund failed"`)
	if w.counted("refunds failed") == 0 {
		t.noFault("no refund failed")
	}
}

func twoRefunds(t *trial) {
	const n = 4
	w := t.world()
	w.api()
	w.subscribeViewers(n, "tok_ok")
	forEach(2, w.succeeded(), func(_ int, id string) {
		var both sync.WaitGroup
		accepted := make([]bool, 2)
		for i := range accepted {
			both.Go(func() { accepted[i] = w.refund(id, "--amount", "300.00") })
		}
		both.Wait()
		w.waitForRows("the refund is settled", fmt.Sprintf(`SELECT count(*) FROM refunds WHERE payment_id = '%s' AND status <> 'pending'`, id))
		third := w.refund(id, "--amount", "99.01")
		if accepted[0] == accepted[1] || third {
			w.violated("refunded too much: of two refunds of 300.00 at once %v are accepted, and one of 99.01 afterwards: %t", accepted, third)
		}
		w.refund(id, "--amount", "99.00")
	})
	w.checkRefunds()
}

// lateCharges gives payments up that wait for their viewers' confirmation.
func lateCharges(t *trial) {
	const n = 4
	w := t.world("BILLING_CHARGE_TIMEOUT=1s")
	w.api()
	viewers := w.subscribeViewers(n, "tok_3ds")
	w.waitForRows("the send windows are over", fmt.Sprintf(
		`SELECT count(*) / %d FROM payments WHERE status = 'pending' AND action_url <> '' AND send_until < now()`, n))
	pages := make([]string, n)
	for i, v := range viewers {
		pages[i] = v.page()
	}
	for _, id := range w.queryLines(`SELECT id::text FROM payments WHERE status = 'pending'`) {
		w.settlePayment(id, "abandoned")
	}
	forEach(n, viewers, func(i int, v viewer) {
		if err := postForm(w.ctx, pages[i], url.Values{"reply": {"approve"}}); err != nil {
			w.violated("the confirmation of %s: %v", v.name, err)
		}
	})
	w.waitForRows("the late charges are found", fmt.Sprintf(`SELECT count(*) / %d FROM payments WHERE charged_late_at IS NOT NULL`, n))
	w.checkRefunds()
	w.checkCharges(n)
}

// endWhileRenewing requests refunds that end subscriptions while a run renews them.
func endWhileRenewing(t *trial) {
	w, _ := t.dueWorld(viewerCount, "tok_ok")
	w.api()
	paid := w.succeeded()
	run := w.startRun("BILLING_SIMULATOR_MISHAPS=latency=1s,lose_answers=0.2,hold_lost=10ms")
	w.waitForRows("renewals are charged", `SELECT count(*) FROM payments WHERE status = 'pending'`)
	forEach(4, paid, func(_ int, id string) { w.refund(id, "--end-now") })
	run.wait()
	w.checkRefunds()
	if left := w.queryInt(`SELECT count(*) FROM subscriptions WHERE ended_at IS NULL`); left != 0 {
		w.violated("refund: %d subscriptions are live, although their refunds end them", left)
	}
	if kept := w.queryInt(`SELECT coalesce((SELECT sum(amount) FROM simulator.charges), 0) - coalesce((SELECT sum(amount) FROM simulator.refunds), 0)`); kept != 0 {
		w.violated("refund: %d minor units were kept of subscriptions that were refunded", kept)
	}
	w.count("renewals refunded", w.queryInt(`SELECT count(*) FROM refunds r JOIN payments p ON p.user_id = r.user_id AND p.id = r.payment_id WHERE p.initiator = 'merchant'`))
}

// killRefund kills the API that sends refunds. Another one does the rest.
func killRefund(t *trial, p killPoint) {
	w := t.world("BILLING_CHARGE_TIMEOUT=2s")
	first := w.api()
	w.subscribeViewers(viewerCount, "tok_ok")
	first.kill()
	paid := w.succeeded()
	forEach(4, paid, func(_ int, id string) { w.refund(id, "--amount", "10.00") })
	var replaced sync.WaitGroup
	w.startCrashingAPI(p, 1+t.rng("pass").IntN(p.passes), &replaced)
	replaced.Wait()
	w.checkRefunds()
	if n := w.queryInt(`SELECT count(*) FROM simulator.refunds`); n != len(paid) {
		w.violated("the payment system has %d refunds, want %d", n, len(paid))
	}
}
