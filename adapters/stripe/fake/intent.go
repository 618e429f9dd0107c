package fake

import (
	"net/http"
	"strconv"
	"strings"
)

type intent struct {
	id, status, currency string
	amount, created      int64
	customer, method     string
	setup                string
	metadata             map[string]string
	lastError            map[string]any
	action               map[string]any
	returnURL            string
	cancelReason         string
	charge               *charge
}

type charge struct {
	id, intent, status, currency string
	amount, created              int64
	metadata                     map[string]string
	blocked                      bool
}

func (f *Fake) createIntent(in input) response {
	amount, err := strconv.ParseInt(in.Get("amount"), 10, 64)
	m, c := f.method(in.Get("payment_method")), f.customers[in.Get("customer")]
	switch {
	case err != nil || amount < 50:
		return invalid("amount_too_small", "amount")
	case amount > 99_999_999:
		return invalid("amount_too_large", "amount")
	case c == nil:
		return invalid("resource_missing", "customer")
	case m == nil, m.detached, m.customer != "" && m.customer != c.id:
		return invalid("resource_missing", "payment_method")
	}
	i := &intent{
		id: f.newID("pi"), status: "requires_confirmation", currency: in.Get("currency"), amount: amount,
		created: f.cfg.Now().Unix(), customer: c.id, method: m.id, setup: in.Get("setup_future_usage"),
		metadata: metadata(in.Values, "metadata"),
	}
	f.intents = append(f.intents, i)
	return ok(f.intentJSON(i, expands(in, "customer"), false))
}

func (f *Fake) findIntent(id string) *intent {
	for _, i := range f.intents {
		if i.id == id {
			return i
		}
	}
	return nil
}

func (f *Fake) readIntent(in input) response {
	i := f.findIntent(in.id)
	if i == nil {
		return missing("intent")
	}
	return ok(f.intentJSON(i, expands(in, "customer"), expands(in, "latest_charge")))
}

func (f *Fake) cancel(in input) response {
	i := f.findIntent(in.id)
	switch {
	case i == nil:
		return missing("intent")
	case i.status == "succeeded" || i.status == "canceled":
		return invalid("payment_intent_unexpected_state", "")
	}
	i.status, i.action, i.cancelReason = "canceled", nil, in.Get("cancellation_reason")
	return ok(f.intentJSON(i, false, false))
}

func (f *Fake) confirm(in input) response {
	i := f.findIntent(in.id)
	switch {
	case i == nil:
		return missing("intent")
	case i.status != "requires_confirmation":
		return invalid("payment_intent_unexpected_state", "")
	}
	m, absent := f.method(i.method), in.Get("off_session") == "true"
	i.returnURL = in.Get("return_url")
	switch {
	case m.kind == "pm_decline":
		return f.decline(i, m.code)
	case in.fault == Decline:
		return f.decline(i, "insufficient_funds")
	case m.kind == "pm_3ds" && absent && !m.confirmed:
		return f.decline(i, "authentication_required")
	case m.kind == "pm_3ds" && !absent, m.kind == "pm_absent_3ds":
		i.status, i.action = "requires_action", redirect("http://"+in.host+pages+"3ds/"+i.id, i.returnURL)
		return ok(f.intentJSON(i, false, false))
	}
	f.succeed(i)
	resp := ok(f.intentJSON(i, false, false))
	resp.lost = m.kind == "pm_lost"
	if m.kind == "pm_slow" {
		resp.delay = f.cfg.Slow
	}
	return resp
}

// redirect returns the action of a viewer. Without a return URL Stripe leaves it to its
// library in the browser.
func redirect(page, returnURL string) map[string]any {
	if returnURL == "" {
		return map[string]any{"type": "use_stripe_sdk", "use_stripe_sdk": map[string]any{}}
	}
	return map[string]any{"type": "redirect_to_url", "redirect_to_url": map[string]any{"url": page, "return_url": returnURL}}
}

// succeed takes the money, and saves the payment method if the intent asks for it.
func (f *Fake) succeed(i *intent) {
	i.status, i.action, i.lastError = "succeeded", nil, nil
	m := f.method(i.method)
	m.confirmed = true
	if i.setup == "off_session" {
		m.customer = i.customer
	}
	f.newCharge(i, "succeeded", false)
}

func (f *Fake) newCharge(i *intent, status string, blocked bool) {
	i.charge = &charge{
		id: f.newID("ch"), intent: i.id, status: status, currency: i.currency, amount: i.amount,
		created: f.cfg.Now().Unix(), metadata: i.metadata, blocked: blocked,
	}
	f.charges = append(f.charges, i.charge)
}

// CancelAll cancels the PaymentIntents that took no money, like a person in the Dashboard.
func (f *Fake) CancelAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.intents {
		if i.status != "succeeded" {
			i.status, i.action = "canceled", nil
		}
	}
}

// decline declines an attempt. The code "blocked" is a refusal by Stripe itself.
func (f *Fake) decline(i *intent, code string) response {
	i.status, i.action = "requires_payment_method", nil
	blocked := code == "blocked"
	if blocked {
		code = "fraudulent"
	}
	advice, _ := map[string]any{"do_not_try_again": "do_not_try_again", "incorrect_number": "confirm_card_data"}[code].(string)
	i.lastError = map[string]any{
		"type": "card_error", "code": "card_declined", "decline_code": code, "message": SecretWord, "advice_code": orNil(advice),
	}
	if strings.HasPrefix(code, "payment_intent_") {
		i.lastError["code"], i.lastError["type"] = code, "invalid_request_error"
		delete(i.lastError, "decline_code")
	}
	f.newCharge(i, "failed", blocked)
	body := map[string]any{"payment_intent": f.intentJSON(i, false, false)}
	for name, value := range i.lastError {
		body[name] = value
	}
	return response{status: http.StatusPaymentRequired, body: map[string]any{"error": body}}
}

func (f *Fake) intentJSON(i *intent, customer, charge bool) map[string]any {
	received, latest := int64(0), any(nil)
	if i.status == "succeeded" {
		received = i.amount
	}
	if i.charge != nil {
		latest = i.charge.id
	}
	body := map[string]any{
		"id": i.id, "object": "payment_intent", "status": i.status, "amount": i.amount, "amount_received": received,
		"currency": i.currency, "created": i.created, "customer": orNil(i.customer), "payment_method": orNil(i.method),
		"setup_future_usage": orNil(i.setup), "metadata": i.metadata, "last_payment_error": i.lastError,
		"cancellation_reason": orNil(i.cancelReason), "next_action": i.action, "latest_charge": latest, "livemode": false, "client_secret": i.id + "_secret_" + SecretWord,
		"capture_method": "automatic", "confirmation_method": "automatic", "payment_method_types": []string{"card"},
	}
	if i.status == "requires_payment_method" {
		body["payment_method"] = nil
	}
	if customer {
		body["customer"] = f.customers[i.customer].json()
	}
	if charge && i.charge != nil {
		body["latest_charge"] = i.charge.json()
	}
	return body
}

func (c *charge) json() map[string]any {
	outcome, captured := "authorized", c.amount
	if c.status != "succeeded" {
		outcome, captured = "issuer_declined", 0
	}
	if c.blocked {
		outcome = "blocked"
	}
	return map[string]any{
		"id": c.id, "object": "charge", "status": c.status, "amount": c.amount, "amount_captured": captured,
		"currency": c.currency, "created": c.created, "metadata": c.metadata, "payment_intent": c.intent,
		"outcome": map[string]any{"type": outcome}, "livemode": false,
	}
}
