package main

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// pastDue returns the scenarios of viewers whose renewal was declined, and who pay with
// another token, replace their payment method, or cancel.
func pastDue() []scenario {
	return []scenario{
		{
			name: "race/pay", short: 1, long: 10,
			description: "viewers who are past due pay with another token while two runs retry their renewals, and responses are lost: each period is paid once, and the viewers keep access",
			run:         racePay,
		},
		{
			name: "race/replace", short: 1, long: 10,
			description: "viewers replace their payment methods while two runs charge them: each period is paid once, and after the response no charge uses the old token",
			run:         raceReplace,
		},
		{
			name: "race/pay and cancel", short: 1, long: 10,
			description: "viewers who are past due pay and cancel at the same time, while two runs retry their renewals: after the response to a cancel no payment is stored and no charge is sent",
			run:         racePayAndCancel,
		},
		{
			name: "past due/on hold", short: 1, long: 5,
			description: "renewals are declined so that only the viewers can help: they keep access until their grace ends, also after a declined payment of their own; some pay, some replace the method, and the other subscriptions end",
			run:         onHold,
		},
	}
}

// payer is a viewer and the token of its first payment.
type payer struct {
	viewer
	token string
}

// payers subscribes n viewers. The kinds of their tokens alternate.
func (w *world) payers(group string, n int, kinds ...string) []payer {
	list := make([]payer, n)
	forEach(8, list, func(i int, _ payer) {
		name := fmt.Sprint(group, "-", i)
		list[i] = payer{w.viewer(name), kinds[i%len(kinds)] + "~" + name}
		list[i].subscribe(list[i].token)
	})
	return list
}

// pastDuePayers returns n viewers whose renewals were declined twice. The third try is due
// now: it succeeds for every second viewer. Two APIs are running, which lose responses.
func (w *world) pastDuePayers(n int) []payer {
	w.setClock(january31)
	first := w.api()
	list := w.payers("viewer", n, "tok_declined_twice_then_ok", "tok_ok_then_insufficient_funds")
	w.drain()
	first.kill()
	for _, after := range []time.Duration{0, 24 * time.Hour} {
		w.setClock(dueAt(1).Add(after))
		if sum := w.startRun().mustFinish(); sum.Declined != n {
			w.noFault("the run declined %d renewals, want %d", sum.Declined, n)
		}
	}
	w.setClock(dueAt(1).Add(72 * time.Hour))
	for range 2 {
		w.api("BILLING_SIMULATOR_MISHAPS=lose_answers=0.2,hold_lost=20ms,latency=100ms")
	}
	return list
}

// newToken returns a token that is always charged successfully.
func (v viewer) newToken() string { return "tok_ok~new-" + v.name }

// pay pays for the period that is past due, with retries. While another payment is
// pending, the viewer tries again with another key.
func (v viewer) pay(token string) (got response) {
	body := fmt.Sprintf(`{"price":{"amount":39900,"currency":"RUB"},"payment_system":"simulator","payment_token":%q}`, token)
	try := 0
	v.w.untilSettled("pay of "+v.name, func() bool {
		try++
		got = v.retry(http.MethodPost, "/v1/subscriptions/premium/pay", fmt.Sprintf("pay-%s-%d", token, try), body)
		return got.body.Code != "payment_open"
	})
	return got
}

// mustPay is pay. The payment must be accepted, unless nothing is due any more.
func (v viewer) mustPay() {
	got := v.pay(v.newToken())
	if got.status != http.StatusOK && got.status != http.StatusAccepted && got.body.Code != "nothing_due" {
		v.w.violated("pay of %s: %v, want 200, 202 or nothing_due", v.name, got)
	}
}

// replaceMethod replaces the payment method of later renewals, with retries. While a
// payment is pending, the viewer tries again.
func (v viewer) replaceMethod() {
	body := fmt.Sprintf(`{"payment_system":"simulator","payment_token":%q}`, v.newToken())
	var got response
	v.w.untilSettled("replace of "+v.name, func() bool {
		got = v.retry(http.MethodPut, "/v1/subscriptions/premium/payment-method", "", body)
		return got.body.Code != "payment_open"
	})
	if got.status != http.StatusOK {
		v.w.violated("replace of %s: %v, want 200", v.name, got)
	}
}

// untilSettled calls try until it returns true, as it does when no payment is pending.
func (w *world) untilSettled(what string, try func() bool) {
	if !waitFor(maxWait, try) {
		w.violated("%s: a payment is pending for %v", what, maxWait)
	}
}

// mustHaveAccess checks that the viewer may watch.
func (v viewer) mustHaveAccess(when string) {
	got := v.retry(http.MethodGet, "/v1/entitlements", "", "") // an API may be killed at this moment
	if len(got.body.Features) == 0 {
		v.w.violated("access: %s, %s may use %v", when, v.name, got)
	}
}

// checkPaid checks that n subscriptions are active and paid for the period from start.
func (w *world) checkPaid(n int, start time.Time) {
	if got := w.queryInt(`SELECT count(*) FROM subscriptions WHERE status = 'active' AND period_start = $1`, start); got != n {
		w.violated("%d subscriptions are paid for the period from %v, want %d", got, start, n)
	}
}

// duringRuns calls act for each item while two runs charge half of the viewers at a time.
func duringRuns[T any](w *world, items []T, act func(int, T)) {
	var runs []*renewalRun
	for range 2 {
		runs = append(runs, w.startRunWith(released, []string{"--concurrency", "6"}, "BILLING_SIMULATOR_MISHAPS=latency=600ms"))
	}
	w.waitForRows("the runs have begun", openPayments)
	forEach(len(items), items, func(i int, item T) {
		w.sleep(time.Duration(w.rng(fmt.Sprint("delay ", i)).IntN(700)) * time.Millisecond)
		act(i, item)
	})
	for _, r := range runs {
		r.mustFinish()
	}
}

func racePay(t *trial) {
	const n = 24
	w := t.world("BILLING_CHARGE_TIMEOUT=5s")
	duringRuns(w, w.pastDuePayers(n), func(_ int, p payer) {
		p.countOverlap()
		p.mustPay()
		p.mustHaveAccess("after the response to its payment")
	})
	w.check()
	w.checkPaid(n, dueAt(1))
	w.checkCharges(2 * n)
	w.setClock(dueAt(2))
	w.check()
	w.checkPaid(n, dueAt(2))
	w.checkCharges(3 * n)
	w.requireOverlaps(n / 6)
}

// raceReplace replaces methods of three kinds: one that can be charged, one whose renewal
// was declined and is retried, and one whose renewal is on hold. Viewers of the first kind
// subscribe a day later, so that their renewals are due together with the retries.
func raceReplace(t *trial) {
	const n = 8 // of each kind
	w := t.world("BILLING_CHARGE_TIMEOUT=5s")
	w.api()
	w.api()
	w.setClock(january31)
	list := w.payers("viewer", 2*n, "tok_ok_then_insufficient_funds", "tok_ok_then_card_expired")
	w.setClock(january31.Add(24 * time.Hour))
	list = slices.Concat(list, w.payers("later", n, "tok_ok"))
	w.drain()
	w.setClock(dueAt(1))
	if sum := w.startRun().mustFinish(); sum.Declined != 2*n || sum.Held != n {
		t.noFault("the run declined %d renewals, and %d are on hold; want %d and %d", sum.Declined, sum.Held, 2*n, n)
	}
	w.setClock(dueAt(1).Add(24 * time.Hour))
	sent := make([]int, len(list)) // with the old token, when the response came
	duringRuns(w, list, func(i int, p payer) {
		p.countOverlap()
		p.replaceMethod()
		sent[i] = w.queryInt(requestsWith, p.token)
		p.mustHaveAccess("after the response to its replacement")
	})
	w.check()
	w.checkCharges(2 * len(list))
	w.setClock(dueAt(2).Add(24 * time.Hour))
	w.check()
	w.checkCharges(3 * len(list))
	for i, p := range list {
		if later := w.queryInt(requestsWith, p.token) - sent[i]; later != 0 {
			w.violated("replaced: the old token of %s was charged %d times after the response", p.name, later)
		}
	}
	w.requireOverlaps(len(list) / 6)
}

// requestsWith counts the charges of a token that the payment system has received,
// including those that it declined.
const requestsWith = `SELECT count(*) FROM simulator.requests WHERE token = sha256(convert_to($1, 'UTF8'))`

func racePayAndCancel(t *trial) {
	const n = 24
	w := t.world("BILLING_CHARGE_TIMEOUT=5s")
	list := w.pastDuePayers(n)
	before := make([]string, n) // when the response to the cancel came
	duringRuns(w, slices.Concat(list, list), func(i int, p payer) {
		if i < n {
			p.mustPay()
			return
		}
		p.countOverlap()
		p.cancelPastDue(i%3 == 0)
		before[i-n] = p.sent()
	})
	w.check()
	w.setClock(dueAt(2))
	w.check()
	for i, p := range list {
		if now := p.sent(); now != before[i] {
			w.violated("the cancel of %s was confirmed after %s, but there are %s", p.name, before[i], now)
		}
	}
	if live := w.queryInt(`SELECT count(*) FROM subscriptions WHERE ended_at IS NULL`); live != 0 {
		w.violated("%d cancelled subscriptions have not ended", live)
	}
	w.requireOverlaps(n / 6)
}

// cancelPastDue cancels at once, or at the end of the period. While a payment is pending,
// only the second is possible.
func (v viewer) cancelPastDue(atOnce bool) {
	if atOnce && v.retry(http.MethodPost, "/v1/subscriptions/premium/cancel", "now-"+v.name, `{"at":"now"}`).status == http.StatusOK {
		return
	}
	if got := v.cancel(); got.status != http.StatusOK {
		v.w.violated("cancel of %s: %v", v.name, got)
	}
}

// sent describes the viewer's payments and charges.
func (v viewer) sent() string {
	return fmt.Sprintf("%d payments and %d charges",
		v.w.queryInt(`SELECT count(*) FROM payments WHERE user_id::text = $1`, auth.UserID(v.name)), v.charges())
}

// onHold has no race. Of four viewers, the first is declined with a code that would
// end the subscription if a renewal got it, and pays then; the second pays, the third
// replaces the method, and the fourth does nothing.
func onHold(t *trial) {
	const n = 8
	const grace = 168 * time.Hour
	w, viewers := t.dueWorld(n, "tok_ok_then_card_expired", "BILLING_CHARGE_TIMEOUT=5s")
	w.api()
	w.expectRun("on hold", 0, runSummary{Due: n, Declined: n, Held: n})
	w.setClock(dueAt(1).Add(grace / 2))
	w.expectRun("on hold", 0, runSummary{})
	forEach(n, viewers, func(i int, v viewer) {
		v.mustBeHeld("in the middle of the grace")
		if i%4 == 0 {
			if got := v.pay("tok_suspected_fraud~" + v.name); got.status != http.StatusPaymentRequired {
				w.violated("on hold: pay of %s with a bad token: %v, want 402", v.name, got)
			}
			v.mustBeHeld("after a declined payment")
		}
		if i%4 < 2 {
			v.mustPay()
		} else if i%4 == 2 {
			v.replaceMethod()
		}
	})
	w.setClock(dueAt(1).Add(grace - time.Second))
	w.drain()
	w.checkPaid(n*3/4, dueAt(1))
	for i := 3; i < n; i += 4 {
		viewers[i].mustBeHeld("at the end of the grace")
	}
	w.setClock(dueAt(1).Add(grace))
	w.expectRun("on hold", 0, runSummary{Ended: n / 4})
	w.check()
	w.setClock(dueAt(2))
	w.check()
	w.checkCharges(n + 2*n*3/4)
}

// mustBeHeld checks that the subscription is on hold and gives access.
func (v viewer) mustBeHeld(when string) {
	got, err := v.send(v.w.ctx, v.w.runningAPI(0), http.MethodGet, "/v1/subscriptions/premium", "", "")
	if err != nil || got.body.Status != "past_due" || got.body.NextAction.Type != "replace_payment_method" {
		v.w.violated("on hold: %s, the subscription of %s is %v, error %v", when, v.name, got, err)
	}
	v.mustHaveAccess(when)
}
