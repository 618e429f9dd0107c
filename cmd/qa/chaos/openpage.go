package main

import (
	"net/http"
	"net/url"
	"sync"
	"time"
)

// openPages returns the scenarios of open pages: viewers leave the page of a past due period,
// and pay in another way.
func openPages() []scenario {
	at := killPoint{"page.cancelled", viewerCount}
	return []scenario{
		{
			name: "race/pay and page", short: 1, long: 10,
			description: "viewers pay on the page of a past due period in the same moment as they pay with a token, while responses are lost: the page is cancelled or paid, and each period is paid once",
			run:         racePayAndPage,
		},
		{
			name: "kill/pay/" + at.name, short: 0, long: 10,
			description: "kill -9 right after the payment system has cancelled the page of a past due period: the viewers repeat their requests, and each period is paid once",
			run:         func(t *trial) { killCancelledPage(t, at) },
		},
	}
}

// onPages returns viewers with a renewal on hold and an open page to pay for it. The API
// serves the pages.
func (t *trial) onPages(n int) (*world, *api, []viewer) {
	w, viewers := t.dueWorld(n, "tok_ok_then_card_expired", "BILLING_CHARGE_TIMEOUT=5s")
	w.drain() // the renewals are declined
	a := w.api()
	forEach(8, viewers, func(_ int, v viewer) {
		body := `{"price":{"amount":39900,"currency":"RUB"},"payment_system":"simulator"}`
		got := v.retry(http.MethodPost, "/v1/subscriptions/premium/pay", "page-"+v.name, body)
		if got.status != http.StatusAccepted || got.body.NextAction.Type != "redirect" {
			t.inconclusive("the page of %s: %v", v.name, got)
		}
	})
	return w, a, viewers
}

// racePayAndPage needs both results: some pages are paid before the cancel arrives, and some
// are cancelled first.
func racePayAndPage(t *trial) {
	const n = 30
	w, _, viewers := t.onPages(n)
	for range 2 {
		w.api("BILLING_SIMULATOR_MISHAPS=lose_answers=0.2,lose_lookups=0.1,hold_lost=20ms")
	}
	forEach(10, viewers, func(_ int, v viewer) {
		rng, page := t.rng(v.name), v.page()
		replies, pays := rng.IntN(300), rng.IntN(100) // the cancel comes some steps after the request to pay
		var both sync.WaitGroup
		both.Go(func() {
			w.sleep(time.Duration(replies) * time.Millisecond)
			if err := postForm(w.ctx, page, url.Values{"reply": {"pay"}, "card": {cardNumber}}); err != nil {
				w.violated("the reply of %s: %v", v.name, err)
			}
		})
		w.sleep(time.Duration(pays) * time.Millisecond)
		v.mustPay()
		both.Wait()
		v.mustHaveAccess("after the response to its payment")
	})
	w.check()
	w.checkPaid(n, dueAt(1))
	w.checkCharges(2 * n)
	cancelled := w.queryInt(`SELECT count(*) FROM payments WHERE decline_code = 'action_expired'`)
	w.count("pages cancelled", cancelled)
	w.count("pages paid", n-cancelled)
	w.setClock(dueAt(2))
	w.check()
	if len(w.result.Violations) == 0 && (cancelled < n/15 || n-cancelled < n/15) {
		t.noFault("%d of %d pages were cancelled, want at least %d cancelled and as many paid", cancelled, n, n/15)
	}
}

func killCancelledPage(t *trial, p killPoint) {
	w, a, viewers := t.onPages(viewerCount)
	a.kill() // so that all requests reach the API that kills itself
	var replaced sync.WaitGroup
	w.startCrashingAPI(p, 1+t.rng("pass").IntN(p.passes), &replaced)
	forEach(viewerCount, viewers, func(_ int, v viewer) {
		v.mustPay()
		v.mustHaveAccess("after the response to its payment")
	})
	replaced.Wait()
	w.check()
	w.checkPaid(viewerCount, dueAt(1))
	w.checkCharges(2 * viewerCount)
	if left := w.queryInt(`SELECT count(*) FROM payments WHERE decline_code = 'action_expired'`); left != viewerCount {
		w.violated("%d pages were cancelled, want %d", left, viewerCount)
	}
}
