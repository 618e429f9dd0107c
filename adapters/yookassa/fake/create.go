package fake

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var (
	validKey   = regexp.MustCompile(`^[0-9a-zA-Z+\-_.]{1,64}$`)
	validValue = regexp.MustCompile(`^[0-9]{1,9}\.[0-9]{2}$`)
)

// response writes the response to a request. The fake's mu is not held meanwhile.
type response func(w http.ResponseWriter, r *http.Request)

// post returns a handler that responds as take decides. take gets the request with its
// body, and decides at one moment.
func post(take func(r *http.Request, body string) response) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the connection is gone
		}
		take(r, string(body))(w, r)
	}
}

func (f *Fake) take(r *http.Request, body string) response {
	var q request
	if json.Unmarshal([]byte(body), &q) != nil || r.Header.Get("Content-Type") != "application/json" {
		return refuse("", "The body is not JSON")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key, fault := r.Header.Get("Idempotence-Key"), f.nextFault(f.methods[q.PaymentMethodID])
	if f.cutOff[key] {
		fault = LoseRequest
	}
	if fault.prevents() {
		return fault.instead
	}
	first, used := f.keys[key]
	used = used && f.now().Before(first.at.Add(keyLife))
	switch {
	case !validKey.MatchString(key):
		return refuse("Idempotence-Key", "Idempotence key is invalid")
	case used && first.body != body:
		return refuse("Idempotence-Key", "Idempotence key duplicated")
	}
	p := first.payment
	if used {
		p.progress(f.now())
	} else {
		if invalid := f.check(q); invalid != nil {
			return invalid
		}
		p = f.add(q, fault, "http://"+r.Host)
		f.keys[key] = use{body, p, p.CreatedAt}
	}
	copied := *p
	return func(w http.ResponseWriter, r *http.Request) { fault.respond(w, r, copied) }
}

func refuse(parameter, description string) response {
	return func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusBadRequest, failure{Code: "invalid_request", Parameter: parameter, Description: description})
	}
}

// check returns the refusal of an invalid request, or nil. The caller holds mu.
func (f *Fake) check(q request) response {
	_, known := f.methods[q.PaymentMethodID]
	currencies := strings.Fields("RUB EUR USD KZT BYN UAH UZS TRY INR MDL AZN AMD")
	switch {
	case !validValue.MatchString(q.Amount.Value), q.Amount.Value == "0.00", !slices.Contains(currencies, q.Amount.Currency):
		return refuse("amount", "The amount is wrong")
	case !q.Capture:
		return refuse("capture", "The fake has no payments in two stages")
	case q.PaymentMethodID != "" && !known:
		return refuse("payment_method_id", "Payment method "+q.PaymentMethodID+" doesn't exist or is not available")
	case q.PaymentMethodID == "" && q.Confirmation == nil, q.Confirmation != nil && q.Confirmation.Type != "redirect":
		return refuse("confirmation", "The payment needs a confirmation by redirect")
	case q.Confirmation != nil && q.Confirmation.ReturnURL == "":
		return refuse("confirmation.return_url", "The return URL is missing")
	}
	return f.checkReceipt(q.Receipt, q.Amount, f.cfg.Receipts)
}

// add creates a payment for a valid request. The caller holds mu.
func (f *Fake) add(q request, fault Fault, host string) *payment {
	now := f.now()
	p := &payment{
		ID: newID(), Status: pending, Amount: q.Amount, Recipient: recipient{f.cfg.ShopID, "1"}, CreatedAt: now,
		MerchantCustomerID: q.MerchantCustomerID, Metadata: q.Metadata, Test: true,
		Registration: registration(q.Receipt), receipt: q.Receipt,
		save: q.SavePaymentMethod, decides: f.methods[q.PaymentMethodID],
	}
	f.payments = append(f.payments, p)
	if fault == Decline {
		p.decides.Reason = "insufficient_funds"
	}
	if q.PaymentMethodID != "" {
		p.PaymentMethod = newMethod(q.PaymentMethodID, "4477")
		p.PaymentMethod.Saved, p.PaymentMethod.Status = true, "active"
	}
	switch {
	case q.Confirmation != nil && (q.PaymentMethodID == "" || p.decides.Confirms):
		p.Confirmation = &confirmation{Type: "redirect", ReturnURL: q.Confirmation.ReturnURL, URL: host + "/checkout/" + p.ID}
	case fault == Capture:
		p.Status, p.Paid = waitingForCapture, true
	case fault == InternalError, fault == Processing, fault == Pending:
		p.postponed = true
	default:
		p.finish(now)
	}
	return p
}
