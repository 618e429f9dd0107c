package fake

import (
	"strconv"
	"time"
)

// sessionAge is how long a Checkout Session is open.
const sessionAge = 24 * time.Hour

type session struct {
	id, url, currency string
	customer, setup   string
	amount, created   int64
	metadata          map[string]string
	intentMetadata    map[string]string
	returnURL         string
	intent            *intent // of the latest attempt
	complete          bool
	expired           bool         // before its time
	saves             bool         // a card, without a payment
	setupIntent       *setupIntent // of a complete page that saves a card
}

type setupIntent struct {
	id, customer string
	method       *method
	metadata     map[string]string
}

func (f *Fake) createSession(in input) response {
	const price = "line_items[0][price_data]"
	if in.Get("mode") == "setup" {
		return f.createSetup(in)
	}
	amount, err := strconv.ParseInt(in.Get(price+"[unit_amount]"), 10, 64)
	switch {
	case err != nil || amount < 50:
		return invalid("amount_too_small", "")
	case f.customers[in.Get("customer")] == nil:
		return invalid("resource_missing", "customer")
	}
	s := &session{
		id: f.newID("cs_test"), currency: in.Get(price + "[currency]"), customer: in.Get("customer"), amount: amount,
		created: f.cfg.Now().Unix(), metadata: metadata(in.Values, "metadata"), returnURL: in.Get("success_url"),
		intentMetadata: metadata(in.Values, "payment_intent_data[metadata]"),
		setup:          in.Get("payment_intent_data[setup_future_usage]"),
	}
	s.url = "http://" + in.host + pages + "checkout/" + s.id
	f.sessions = append(f.sessions, s)
	return ok(f.sessionJSON(s))
}

// createSetup opens a page that saves a card.
func (f *Fake) createSetup(in input) response {
	if f.customers[in.Get("customer")] == nil {
		return invalid("resource_missing", "customer")
	}
	s := &session{
		id: f.newID("cs_test"), customer: in.Get("customer"), created: f.cfg.Now().Unix(), returnURL: in.Get("success_url"), saves: true,
		metadata: metadata(in.Values, "metadata"), intentMetadata: metadata(in.Values, "setup_intent_data[metadata]"),
	}
	s.url = "http://" + in.host + pages + "checkout/" + s.id
	f.sessions = append(f.sessions, s)
	return ok(f.sessionJSON(s))
}

func (f *Fake) readSetupIntent(in input) response {
	for _, s := range f.sessions {
		if i := s.setupIntent; i != nil && i.id == in.id {
			body := map[string]any{
				"id": i.id, "object": "setup_intent", "status": "succeeded", "customer": i.customer, "payment_method": i.method.id,
				"metadata": i.metadata, "usage": "off_session", "client_secret": i.id + "_secret_" + SecretWord, "livemode": false,
			}
			if expands(in, "payment_method") {
				body["payment_method"] = i.method.json()
			}
			return ok(body)
		}
	}
	return missing("intent")
}

func (f *Fake) findSession(id string) *session {
	for _, s := range f.sessions {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (f *Fake) readSession(in input) response {
	s := f.findSession(in.id)
	if s == nil {
		return missing("session")
	}
	return ok(f.sessionJSON(s))
}

// expire ends an open session. Stripe cancels the PaymentIntent of its attempts.
func (f *Fake) expire(in input) response {
	s := f.findSession(in.id)
	if s == nil {
		return missing("session")
	}
	if status, _ := f.status(s); status != "open" {
		return invalid("", "")
	}
	s.expired = true
	if s.intent != nil && s.intent.status != "succeeded" {
		s.intent.status, s.intent.action = "canceled", nil
	}
	return ok(f.sessionJSON(s))
}

// status returns the status of a session, and of its payment.
func (f *Fake) status(s *session) (status, payment string) {
	switch {
	case s.complete:
		return "complete", "paid"
	case s.expired, f.cfg.Now().Sub(time.Unix(s.created, 0)) >= sessionAge:
		return "expired", "unpaid"
	default:
		return "open", "unpaid"
	}
}

func (f *Fake) sessionJSON(s *session) map[string]any {
	status, payment := f.status(s)
	body := map[string]any{
		"id": s.id, "object": "checkout.session", "status": status, "payment_status": payment, "url": nil,
		"payment_intent": nil, "metadata": s.metadata, "created": s.created, "customer": s.customer, "mode": "payment",
		"livemode": false, "expires_at": s.created + int64(sessionAge.Seconds()), "setup_intent": nil,
	}
	if s.saves {
		body["mode"], body["payment_status"] = "setup", "no_payment_required"
	}
	if s.setupIntent != nil {
		body["setup_intent"] = s.setupIntent.id
	}
	if status == "open" {
		body["url"] = s.url
	}
	if s.intent != nil {
		body["payment_intent"] = s.intent.id
	}
	return body
}

// attempt tries to pay a session with a payment method, and reports whether that succeeded.
func (f *Fake) attempt(s *session, id string) bool {
	m := f.method(id)
	if m == nil {
		return false
	}
	if s.saves {
		return f.attemptSave(s, m)
	}
	if s.intent == nil {
		s.intent = &intent{
			id: f.newID("pi"), currency: s.currency, amount: s.amount, created: f.cfg.Now().Unix(), customer: s.customer,
			setup: s.setup, metadata: s.intentMetadata,
		}
		f.intents = append(f.intents, s.intent)
	}
	s.intent.method = m.id
	if m.kind == "pm_decline" {
		f.decline(s.intent, m.code)
		return false
	}
	f.succeed(s.intent)
	s.complete = true
	return true
}

// attemptSave tries to save a payment method. It is attached to the customer then.
func (f *Fake) attemptSave(s *session, m *method) bool {
	if m.kind == "pm_decline" {
		return false
	}
	m.customer, m.confirmed, s.complete = s.customer, true, true
	s.setupIntent = &setupIntent{id: f.newID("seti"), customer: s.customer, method: m, metadata: s.intentMetadata}
	return true
}

// PayExpired expires an open session, and lets an attempt with a payment method succeed that
// was in progress then.
func (f *Fake) PayExpired(id, method string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.findSession(id); s != nil && f.attempt(s, method) {
		s.complete, s.expired = false, true
	}
}
