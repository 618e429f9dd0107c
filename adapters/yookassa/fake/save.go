package fake

import (
	"encoding/json"
	"net/http"
	"time"
)

// saveRequest is the body of POST /payment_methods.
type saveRequest struct {
	Type         string        `json:"type"`
	Confirmation *confirmation `json:"confirmation"`
}

// savedMethod is a method that is saved without a payment, as the API writes it.
type savedMethod struct {
	paymentMethod
	Holder       recipient     `json:"holder"`
	Confirmation *confirmation `json:"confirmation,omitempty"`

	at   time.Time
	body string // of the first request
}

func (f *Fake) takeSave(r *http.Request, body string) response {
	var q saveRequest
	if json.Unmarshal([]byte(body), &q) != nil || r.Header.Get("Content-Type") != "application/json" {
		return refuse("", "The body is not JSON")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key, fault := r.Header.Get("Idempotence-Key"), f.nextFault(Method{})
	if fault.prevents() {
		return fault.instead
	}
	m, used := f.saves[key]
	used = used && f.now().Before(m.at.Add(keyLife))
	switch {
	case !validKey.MatchString(key):
		return refuse("Idempotence-Key", "Idempotence key is invalid")
	case used && m.body != body:
		return refuse("Idempotence-Key", "Idempotence key duplicated")
	case q.Type != "bank_card":
		return refuse("type", "The fake saves cards only")
	case q.Confirmation == nil || q.Confirmation.Type != "redirect" || q.Confirmation.ReturnURL == "":
		return refuse("confirmation", "The method needs a confirmation by redirect")
	case !used:
		m = f.addSave(q, key, body, "http://"+r.Host)
	}
	m.progress(f.now())
	copied := *m
	return func(w http.ResponseWriter, r *http.Request) { fault.respondSave(w, r, copied) }
}

// addSave creates a method that waits for its viewer. The caller holds mu.
func (f *Fake) addSave(q saveRequest, key, body, host string) *savedMethod {
	m := &savedMethod{
		paymentMethod: paymentMethod{Type: "bank_card", ID: newID(), Status: pending}, Holder: recipient{f.cfg.ShopID, "1"},
		at: f.now(), body: body,
	}
	m.Confirmation = &confirmation{Type: "redirect", ReturnURL: q.Confirmation.ReturnURL, URL: host + "/checkout/" + m.ID}
	f.saves[key] = m
	return m
}

// progress ends a page that has been open for too long.
func (m *savedMethod) progress(now time.Time) {
	if m.Status == pending && !now.Before(m.at.Add(confirmationLife)) {
		m.Status, m.Confirmation = "inactive", nil
	}
}

// respondSave responds to a request that has made the method.
func (t Fault) respondSave(w http.ResponseWriter, r *http.Request, m savedMethod) {
	switch t {
	case LoseResponse:
		hangUp()
	case HoldResponse:
		<-r.Context().Done()
	case InternalError, Processing:
		t.respond(w, r, payment{ID: m.ID})
	default:
		respond(w, http.StatusOK, m)
	}
}

func (f *Fake) readSave(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	m := f.findSave(r.PathValue("id"))
	if m == nil {
		f.mu.Unlock()
		respond(w, http.StatusNotFound, failure{Code: "not_found", Description: "Payment method doesn't exist", Parameter: "payment_method_id"})
		return
	}
	m.progress(f.now())
	copied := *m
	f.mu.Unlock()
	respond(w, http.StatusOK, copied)
}

// findSave returns a method that was saved without a payment, or nil. The caller holds mu.
func (f *Fake) findSave(id string) *savedMethod {
	for _, m := range f.saves {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// confirmSave finishes the page of a method. It returns the method and the address to
// which the viewer returns, or none if the method does not wait for its viewer.
func (f *Fake) confirmSave(id string, approve bool, number string) (savedMethod, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.findSave(id)
	if m == nil {
		return savedMethod{}, ""
	}
	m.progress(f.now())
	if m.Confirmation == nil {
		return savedMethod{}, ""
	}
	returnURL := m.Confirmation.ReturnURL
	last4, behaviour := cardOf(number)
	m.Confirmation, m.Status = nil, "inactive"
	if approve && behaviour.Reason == "" {
		m.Status, m.Saved, m.Card = "active", true, newMethod(m.ID, last4).Card
		f.methods[m.ID] = behaviour
	}
	return *m, returnURL
}
