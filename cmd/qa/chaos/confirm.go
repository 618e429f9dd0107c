package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// confirmations returns the scenario of viewers that confirm payments (3-D Secure).
func confirmations() []scenario {
	return []scenario{{
		name: "confirm/remove card", short: 1, long: 10,
		description: "viewers remove cards whose payments wait for their confirmation: the payments are cancelled, or the response is 503 until they have replied, and no charge follows a 204",
		run:         removeUnconfirmedCard,
	}}
}

// confirmedCard is the number of a card whose first payment needs a confirmation.
const confirmedCard = "4000002500003155"

// removeUnconfirmedCard lets the send windows of the payments pass, so that only their
// open confirmations can hold the removals. The viewers reply ten minutes later. Half of
// them remove their cards through an API that cannot cancel payments.
func removeUnconfirmedCard(t *trial) {
	const n = 4
	w := t.world("BILLING_CHARGE_TIMEOUT=5s") // so that a slow machine loses no response
	cancelling := w.api()
	w.setClock(january31)
	list := make([]cardHolder, n)
	forEach(n, list, func(i int, _ cardHolder) {
		v := w.viewer(fmt.Sprint("viewer-", i))
		list[i] = cardHolder{v, v.addCard(confirmedCard)}
		v.subscribeByCard(list[i].card)
	})
	w.waitForRows("the send windows are over", fmt.Sprintf(
		`SELECT count(*) / %d FROM payments WHERE status = 'pending' AND action_url <> '' AND send_until < now()`, n))
	w.setClock(january31.Add(10 * time.Minute))
	unable := w.api("BILLING_SIMULATOR_MISHAPS=unavailable=1")
	forEach(n, list, func(i int, h cardHolder) {
		a := unable
		if i < n/2 {
			a = cancelling
		}
		h.removeBeforeReply(a, i%2 == 0)
	})
	unable.kill()
	if held := w.counted(removalsHeld); held == 0 || held == n {
		t.noFault("%d of %d removals waited for a reply, want some", held, n)
	}
	paid := w.counted(approvals)
	w.check()
	w.checkCharges(paid)
	w.setClock(dueAt(1))
	w.check()
	w.checkCharges(paid)
}

// Counts of removeBeforeReply.
const (
	removalsHeld = "removals that waited for a reply"
	approvals    = "payments approved"
)

// removeBeforeReply removes the card, replies to the confirmation, and removes the card
// again. After a confirmed removal the reply comes too late.
func (h cardHolder) removeBeforeReply(a *api, approve bool) {
	page := h.page()
	got, err := h.send(h.w.ctx, a, http.MethodDelete, "/v1/cards/"+h.card, "", "")
	if err != nil || got.status != http.StatusServiceUnavailable && got.status != http.StatusNoContent {
		h.w.violated("remove card of %s: %v, error %v", h.name, got, err)
		return
	}
	again, err := h.send(h.w.ctx, a, http.MethodPost, "/v1/subscriptions", "", cardBodyFor("sport", 19900, h.card))
	if err != nil || again.status != http.StatusNotFound {
		h.w.violated("%s pays by a removed card: %v, error %v", h.name, again, err)
	}
	charged := h.charges()
	if got.status == http.StatusServiceUnavailable {
		h.w.count(removalsHeld, 1)
	}
	if err := reply(h.w.ctx, page, approve); err != nil {
		h.w.violated("the reply of %s: %v", h.name, err)
		return
	}
	if h.charges() > charged {
		h.w.count(approvals, 1)
		if got.status == http.StatusNoContent {
			h.w.violated("charged after a confirmed removal: the card of %s", h.name)
		}
	}
	h.removeCard(h.card)
}

// reply approves or declines a payment on the page of its confirmation.
func reply(ctx context.Context, page string, approve bool) error {
	choice := "decline"
	if approve {
		choice = "approve"
	}
	return postForm(ctx, page, url.Values{"reply": {choice}})
}

// postForm posts a form and follows the redirect to its result.
func postForm(ctx context.Context, page string, form url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := httpClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s responds %s", page, resp.Status)
	}
	return nil
}
