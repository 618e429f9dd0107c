package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// cards returns the scenarios with stored cards and linked tokens. The invariant "removed"
// checks that removed ones are not charged.
func cards() []scenario {
	return []scenario{
		{
			name: "kill/add card/card.added", short: 1, long: 10,
			description: "kill -9 at card.added, while viewers add cards: clients repeat their requests and pay with the returned card",
			run:         killAddCard,
		},
		{
			name: "kill/remove card/card.removed", short: 1, long: 10,
			description: "kill -9 at card.removed, while viewers remove the cards and tokens that pay for subscriptions: none is charged again",
			run:         killRemoveCard,
		},
		{
			name: "race/remove card", short: 1, long: 10,
			description: "viewers remove their cards and tokens while two runs charge them: after the response to a removal, no charge starts",
			run:         raceRemoveCard,
		},
	}
}

// cardNumber is the number of every card that needs no confirmation. It must not occur in the database or output.
const cardNumber = "4242424242424242"

// addCard adds a card, with retries, and returns its id. If an API stored the card and
// was killed before it responded, the retry gets 200 instead of 201.
func (v viewer) addCard(number string) string {
	got := v.retry(http.MethodPost, "/v1/cards", "card-"+v.name,
		fmt.Sprintf(`{"number":%q,"exp_month":12,"exp_year":2031,"holder":"A VIEWER"}`, number))
	if got.status != http.StatusCreated && got.status != http.StatusOK {
		v.w.violated("add card of %s: %v", v.name, got)
	}
	return got.body.ID
}

// subscribeByCard subscribes, with retries, and pays with a stored card.
func (v viewer) subscribeByCard(card string) {
	got := v.retry(http.MethodPost, "/v1/subscriptions", "subscribe-"+v.name, cardBodyFor("premium", 39900, card))
	if got.status != http.StatusCreated && got.status != http.StatusAccepted {
		v.w.violated("subscribe by card of %s: %v", v.name, got)
	}
}

// cardBodyFor returns the body of a request to subscribe to a plan with a stored card.
func cardBodyFor(plan string, amount int, card string) string {
	return fmt.Sprintf(`{"plan_code":%q,"price":{"amount":%d,"currency":"RUB"},"payment_system":"simulator","card_id":%q,"cvv":"123"}`,
		plan, amount, card)
}

// removeCard removes a card, with retries.
func (v viewer) removeCard(card string) { v.remove("/v1/cards/" + card) }

// remove removes a card or a payment method, with retries.
func (v viewer) remove(path string) {
	if got := v.retry(http.MethodDelete, path, "", ""); got.status != http.StatusNoContent {
		v.w.violated("remove %s of %s: %v", path, v.name, got)
	}
}

// linkToken links a token, with retries, and returns the id of the payment method.
func (v viewer) linkToken(token string) string {
	got := v.retry(http.MethodPost, "/v1/payment-methods", "link-"+v.name,
		fmt.Sprintf(`{"payment_system":"simulator","payment_token":%q}`, token))
	if got.status != http.StatusCreated {
		v.w.violated("link a token of %s: %v", v.name, got)
	}
	return got.body.ID
}

// cardHolder is a viewer with a stored card.
type cardHolder struct {
	viewer
	card string
}

// cardHolders subscribes n viewers by card on 31 January.
func (w *world) cardHolders(n int) []cardHolder {
	w.setClock(january31)
	list := make([]cardHolder, n)
	forEach(4, list, func(i int, _ cardHolder) {
		v := w.viewer(fmt.Sprint("viewer-", i))
		list[i] = cardHolder{v, v.addCard(cardNumber)}
		v.subscribeByCard(list[i].card)
	})
	return list
}

// removable is the card or the linked token that pays for a viewer's subscription.
type removable struct {
	viewer
	id, path string
}

// removables subscribes n viewers on 31 January: half of them by card, half by a linked
// token.
func (w *world) removables(n int) []removable {
	list := make([]removable, n)
	for i, h := range w.cardHolders(n / 2) {
		list[i] = removable{h.viewer, h.card, "/v1/cards/" + h.card}
	}
	forEach(4, list[n/2:], func(i int, _ removable) {
		v := w.viewer(fmt.Sprint("token-viewer-", i))
		id := v.linkToken("tok_ok~" + v.name)
		v.subscribe("tok_ok~" + v.name)
		list[n/2+i] = removable{v, id, "/v1/payment-methods/" + id}
	})
	return list
}

func killAddCard(t *trial) {
	w := t.world()
	var replaced sync.WaitGroup
	w.startCrashingAPI(killPoint{name: "card.added"}, 1+t.rng("pass").IntN(viewerCount), &replaced)
	w.cardHolders(viewerCount)
	replaced.Wait()
	w.check()
	if got := w.queryInt(`SELECT count(*) FROM cards`); got != viewerCount {
		w.violated("%d cards are stored, want %d", got, viewerCount)
	}
}

func killRemoveCard(t *trial) {
	w := t.world()
	first := w.api("BILLING_CHARGE_TIMEOUT=5s") // so that all subscribe on a slow machine
	list := w.removables(viewerCount)
	first.kill()
	w.drain()
	var replaced sync.WaitGroup
	w.startCrashingAPI(killPoint{name: "card.removed"}, 1+t.rng("pass").IntN(viewerCount), &replaced)
	forEach(viewerCount, list, func(_ int, r removable) { r.remove(r.path) })
	replaced.Wait()
	w.setClock(dueAt(1))
	w.check()
	w.checkCharges(viewerCount)
}

func raceRemoveCard(t *trial) {
	const n = 24
	w := t.world("BILLING_CHARGE_TIMEOUT=5s")
	w.api()
	w.api()
	list := w.removables(n)
	w.drain()
	w.setClock(dueAt(1))
	runs := []*renewalRun{w.slowRun(), w.slowRun()}
	w.waitForRows("the runs have begun", renewalPayments)
	forEach(n, list, func(_ int, r removable) {
		w.sleep(time.Duration(t.rng(r.name).IntN(700)) * time.Millisecond)
		r.countOverlap()
		r.remove(r.path)
		if w.queryInt(openPaymentsOf, r.id) != 0 {
			w.violated("the removal of %s of %s was confirmed while a charge of it may still be sent", r.path, r.name)
		}
	})
	for _, r := range runs {
		r.mustFinish()
	}
	w.check()
	w.setClock(dueAt(2))
	w.check()
	w.requireOverlaps(n / 6)
}

// openPaymentsOf counts the payments of a card or a payment method that may be sent now.
const openPaymentsOf = `SELECT count(*) FROM payments p
	JOIN payment_methods m ON m.user_id = p.user_id AND m.id = p.payment_method_id
	WHERE $1 IN (m.card_id::text, m.id::text) AND p.status = 'pending' AND p.send_until > now()`
