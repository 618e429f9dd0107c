package fake

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

type amount struct {
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

// request is the body of POST /payments.
type request struct {
	Amount             amount            `json:"amount"`
	Capture            bool              `json:"capture"`
	PaymentMethodID    string            `json:"payment_method_id"`
	SavePaymentMethod  bool              `json:"save_payment_method"`
	Confirmation       *confirmation     `json:"confirmation"`
	MerchantCustomerID string            `json:"merchant_customer_id"`
	Metadata           map[string]string `json:"metadata"`
	Receipt            *receipt          `json:"receipt"`
}

type confirmation struct {
	Type      string `json:"type"`
	ReturnURL string `json:"return_url,omitempty"`
	URL       string `json:"confirmation_url,omitempty"`
}

// payment is a payment as the API writes it. The caller holds the fake's mu.
type payment struct {
	ID                  string               `json:"id"`
	Status              string               `json:"status"`
	Amount              amount               `json:"amount"`
	Recipient           recipient            `json:"recipient"`
	CreatedAt           time.Time            `json:"created_at"`
	CapturedAt          *time.Time           `json:"captured_at,omitempty"`
	Confirmation        *confirmation        `json:"confirmation,omitempty"`
	PaymentMethod       *paymentMethod       `json:"payment_method,omitempty"`
	CancellationDetails *cancellationDetails `json:"cancellation_details,omitempty"`
	MerchantCustomerID  string               `json:"merchant_customer_id,omitempty"`
	Metadata            map[string]string    `json:"metadata"`
	Test                bool                 `json:"test"`
	Paid                bool                 `json:"paid"`
	Refundable          bool                 `json:"refundable"`
	Registration        string               `json:"receipt_registration,omitempty"`

	save      bool   // the method, if the payment succeeds
	decides   Method // the outcome
	receipt   *receipt
	postponed bool // the status follows later, without the viewer
}

type recipient struct {
	AccountID string `json:"account_id"`
	GatewayID string `json:"gateway_id"`
}

type cancellationDetails struct {
	Party  string `json:"party"`
	Reason string `json:"reason"`
}

// The statuses of a payment.
const (
	pending           = "pending"
	waitingForCapture = "waiting_for_capture"
	succeeded         = "succeeded"
	canceled          = "canceled"
)

// finish gives the payment its final status at a time.
func (p *payment) finish(now time.Time) {
	p.Confirmation, p.postponed = nil, false
	if p.decides.Reason != "" {
		p.cancel("payment_network", p.decides.Reason)
		return
	}
	p.Status, p.Paid, p.Refundable, p.CapturedAt = succeeded, true, true, &now
	if p.save {
		m := *p.PaymentMethod // responses share the old one
		m.Saved, m.Status = true, "active"
		p.PaymentMethod = &m
	}
}

func (p *payment) cancel(party, reason string) {
	p.Status, p.Confirmation = canceled, nil
	p.CancellationDetails = &cancellationDetails{party, reason}
}

// confirmationLife is how long a viewer may reply to a page.
const confirmationLife = time.Hour

// progress gives a payment the status that it has reached by now.
func (p *payment) progress(now time.Time) {
	switch {
	case p.postponed:
		p.finish(now)
	case p.Status == pending && !now.Before(p.CreatedAt.Add(confirmationLife)):
		p.cancel("yoo_money", "expired_on_confirmation")
	}
}

// failure is the body of an error, or of a request that is being processed.
type failure struct {
	Type        string `json:"type"`
	ID          string `json:"id,omitempty"`
	Code        string `json:"code,omitempty"`
	Description string `json:"description,omitempty"`
	Parameter   string `json:"parameter,omitempty"`
	RetryAfter  int    `json:"retry_after,omitempty"`
}

// respond writes a JSON body.
func respond(w http.ResponseWriter, status int, body any) {
	if f, failed := body.(failure); failed && f.Type == "" {
		f.Type, f.ID = "error", newID()
		body = f
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the connection may be gone
}

// newID returns an id of 36 characters.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
