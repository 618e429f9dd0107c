package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/simulator"
)

// memories returns the scenarios about what a payment system shows and remembers.
func memories() []scenario {
	return []scenario{
		{
			name: "payment system/lookups lag", short: 1, long: 3,
			description: "a charge is found only 35 seconds after it was taken, and every response is lost: no absence is believed before the settling time is over",
			run:         laggingLookups,
		},
		{
			name: "payment system/forgets keys", short: 1, long: 3,
			description: "no outcome is known until the payment system has forgotten the keys: nothing is sent again, and a person settles each payment",
			run:         forgottenKeys,
		},
		{
			name: "payment system/pages", short: 1, long: 5,
			description: "viewers pay, are declined or leave on the payment system's page, and notifications are real or forged, while the API is killed: only a lookup settles a payment",
			run:         pages,
		},
	}
}

// laggingLookups loses the responses of viewers' payments. A sweep that believed an early
// absence would abandon a payment that was charged.
func laggingLookups(t *trial) {
	const n = 6
	w := t.world()
	w.setClock(january31)
	a := w.api("BILLING_SIMULATOR_MISHAPS=lose_answers=0.7,lose_requests=0.3,hold_lost=1ms,lag=35s")
	w.subscribeViewers(n, "tok_ok")
	if open := w.queryInt(openPayments); open != n {
		t.noFault("%d payments are pending, want %d", open, n)
	}
	if !waitFor(2*maxWait, func() bool { return w.queryInt(openPayments) == 0 }) {
		w.violated("lag: %d payments are open, although the lag is over", w.queryInt(openPayments))
	}
	a.kill()
	w.check()
}

// forgottenKeys leaves renewals that were charged without an outcome until their keys are
// forgotten. With a key that is new to the payment system they would be charged twice.
func forgottenKeys(t *trial) {
	const n = 6
	w, _ := t.dueWorld(n, "tok_ok", "BILLING_CHARGE_TIMEOUT=2s")
	code, sum := w.startRun("BILLING_SIMULATOR_MISHAPS=lose_answers=1,hold_lost=1ms,lose_lookups=1").wait()
	w.note("the run exited with code %d: %+v", code, sum)
	const horizon = "BILLING_SIMULATOR_MISHAPS=horizon=15s"
	w.waitForRows("the keys are forgotten", fmt.Sprintf(
		`SELECT count(*) / %d FROM payments WHERE status = 'pending' AND first_sent_at < now() - interval '15 s'`, n))
	a := w.api(horizon)
	w.waitForRows("all payments wait for a person", fmt.Sprintf(
		`SELECT count(*) / %d FROM payments WHERE initiator = 'merchant' AND (review_since IS NOT NULL OR status <> 'pending')`, n))
	if code, sum := w.startRun(horizon).wait(); code != 0 || sum.Due > 0 || sum.Unknown > 0 {
		w.violated("forgotten: a run exited with code %d: %+v, want nothing to do", code, sum)
	}
	a.kill()
	for _, d := range w.queryLines(pendingByLedger) {
		id, as, _ := strings.Cut(d, " ")
		w.settlePayment(id, as)
		w.count("payments settled by a person", 1)
	}
	w.check()
	w.checkCharges(2 * n)
	if w.counted("payments settled by a person") != n && len(w.result.Violations) == 0 {
		t.noFault("%d payments waited for a person, want %d", w.counted("payments settled by a person"), n)
	}
}

// pages lets each viewer end the visit to the page in another way.
func pages(t *trial) {
	const n = 9
	w := t.world("BILLING_CHARGE_TIMEOUT=5s") // so that a slow machine loses no response
	w.setClock(january31)
	a := w.api()
	list := make([]viewer, n)
	forEach(n, list, func(i int, _ viewer) {
		list[i] = w.viewer(fmt.Sprint("viewer-", i))
		list[i].retry(http.MethodPost, "/v1/subscriptions", "page-"+list[i].name, pageBody)
	})
	for _, id := range w.queryLines(`SELECT id::text FROM payments`) {
		w.forgeNotification(a, id)
	}
	const early = n - 3
	for i, v := range list[:early] {
		v.leavePage(i)
	}
	waitFor(maxWait, func() bool { return w.queryInt(openPayments) == 3+early/3 })
	for i, v := range list[early:] {
		v.leavePage(i)
	}
	a.kill() // before it looks up the last payments
	w.api()
	const waiting = n / 3
	if !waitFor(maxWait, func() bool { return w.queryInt(openPayments) == waiting }) {
		w.violated("pages: %d payments are open, want the %d whose viewers have left", w.queryInt(openPayments), waiting)
	}
	w.setClock(january31.Add(20 * time.Minute)) // the pages expire
	w.check()
	w.checkCharges(n / 3)
	w.setClock(dueAt(1))
	w.startRun().mustFinish()
	w.check()
	w.checkCharges(2 * n / 3)
}

// leavePage pays, is declined or leaves the page open, as i says.
func (v viewer) leavePage(i int) {
	form := url.Values{"reply": {"pay"}, "card": {"4242424242424242"}}
	switch i % 3 {
	case 1:
		form.Set("card", "4000000000009995") // insufficient funds
	case 2:
		return
	}
	if err := postForm(v.w.ctx, v.page(), form); err != nil {
		v.w.violated("the page of %s: %v", v.name, err)
	}
}

// pageBody is a request to pay on the payment system's page.
const pageBody = `{"plan_code":"premium","price":{"amount":39900,"currency":"RUB"},"payment_system":"simulator"}`

// page returns the page of the viewer's pending payment.
func (v viewer) page() string {
	var page string
	err := v.w.pool.QueryRow(v.w.ctx, `SELECT action_url FROM payments WHERE status = 'pending' AND user_id::text = $1`,
		auth.UserID(v.name)).Scan(&page)
	if err != nil {
		v.w.violated("the page of %s: %v", v.name, err)
	}
	return page
}

// forgeNotification sends a notification with a wrong signature.
func (w *world) forgeNotification(a *api, payment string) {
	body := fmt.Sprintf(`{"type":"payment.changed","payment":%q}`, payment)
	req, err := http.NewRequestWithContext(w.ctx, http.MethodPost, a.base+"/v1/notifications/simulator", strings.NewReader(body))
	if err != nil {
		w.violated("forged notification: %v", err)
		return
	}
	req.Header.Set(simulator.SignatureHeader, fmt.Sprintf("t=%d,v1=%064x", time.Now().Unix(), 1))
	resp, err := httpClient.Do(req)
	if err != nil {
		w.violated("forged notification: %v", err)
		return
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		w.violated("a forged notification gets %s, want 401", resp.Status)
	}
}
