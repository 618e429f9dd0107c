package fake

import (
	"net/http"
	"slices"
	"strings"
)

type customer struct {
	id       string
	metadata map[string]string
}

type method struct {
	id, customer string
	kind         string // the name without the suffix, such as pm_ok
	code         string // of pm_decline_CODE
	confirmed    bool   // a viewer has confirmed a payment
	detached     bool
}

func (f *Fake) createCustomer(in input) response {
	return ok(f.newCustomer(metadata(in.Values, "metadata")).json())
}

func (f *Fake) newCustomer(metadata map[string]string) *customer {
	c := &customer{id: f.newID("cus"), metadata: metadata}
	f.customers[c.id] = c
	return c
}

func (c *customer) json() map[string]any {
	return map[string]any{"id": c.id, "object": "customer", "metadata": c.metadata, "created": 0, "livemode": false}
}

// Attach saves a payment method for a viewer, as an earlier payment would have done. It
// returns the id of the customer.
func (f *Fake) Attach(id, user string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.newCustomer(map[string]string{"user_id": user})
	m := f.method(id)
	m.customer, m.confirmed = c.id, true
	return c.id
}

// method returns a payment method, or nil if no browser can have such a token.
func (f *Fake) method(id string) *method {
	if m := f.methods[id]; m != nil {
		return m
	}
	m := &method{id: id}
	if code, is := strings.CutPrefix(id, "pm_decline_"); is {
		m.kind, m.code = "pm_decline", code
	}
	for _, kind := range []string{"pm_ok", "pm_3ds", "pm_absent_3ds", "pm_lost", "pm_slow", "pm_unavailable", "pm_unsavable", "pm_refund_lost"} {
		if id == kind || strings.HasPrefix(id, kind+"_") {
			m.kind = kind
		}
	}
	if m.kind == "" {
		return nil
	}
	f.methods[id] = m
	return m
}

func (f *Fake) readMethod(in input) response {
	m := f.method(in.id)
	switch {
	case m == nil:
		return missing("payment_method")
	case m.kind == "pm_unavailable":
		return failure(http.StatusServiceUnavailable, "api_error", "", "")
	default:
		return ok(m.json())
	}
}

func (m *method) json() map[string]any {
	return map[string]any{
		"id": m.id, "object": "payment_method", "type": "card", "customer": orNil(m.customer), "livemode": false, "created": 0,
		"card": map[string]any{"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2040},
	}
}

func (f *Fake) attach(in input) response {
	m, c := f.method(in.id), f.customers[in.Get("customer")]
	switch {
	case m == nil:
		return missing("payment_method")
	case c == nil:
		return invalid("resource_missing", "customer")
	case m.detached, m.customer != "":
		return invalid("", "")
	case m.kind == "pm_unsavable":
		return failure(http.StatusPaymentRequired, "card_error", "card_declined", "")
	}
	m.customer = c.id
	return ok(m.json())
}

func (f *Fake) detach(in input) response {
	m := f.method(in.id)
	switch {
	case m == nil:
		return missing("payment_method")
	case m.customer == "":
		return invalid("", "")
	}
	m.customer, m.detached = "", true
	return ok(m.json())
}

func (f *Fake) balance(input) response {
	return ok(map[string]any{"object": "balance", "available": []any{}, "pending": []any{}, "livemode": false})
}

// metadata returns the parameters prefix[NAME].
func metadata(form map[string][]string, prefix string) map[string]string {
	found := map[string]string{}
	for name, values := range form {
		inner, is := strings.CutPrefix(name, prefix+"[")
		if is && values[0] != "" && !strings.Contains(inner, "[") {
			found[strings.TrimSuffix(inner, "]")] = values[0]
		}
	}
	return found
}

func expands(in input, field string) bool { return slices.Contains(in.Values["expand[]"], field) }

func orNil(id string) any {
	if id == "" {
		return nil
	}
	return id
}
