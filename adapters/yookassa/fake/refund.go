package fake

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refundRequest is the body of POST /refunds.
type refundRequest struct {
	Amount      amount            `json:"amount"`
	PaymentID   string            `json:"payment_id"`
	Description string            `json:"description"`
	Metadata    map[string]string `json:"metadata"`
	Receipt     *receipt          `json:"receipt"`
}

// refund is a refund as the API writes it. The caller holds the fake's mu.
type refund struct {
	ID                  string               `json:"id"`
	PaymentID           string               `json:"payment_id"`
	Status              string               `json:"status"`
	Amount              amount               `json:"amount"`
	CreatedAt           time.Time            `json:"created_at"`
	Description         string               `json:"description,omitempty"`
	CancellationDetails *cancellationDetails `json:"cancellation_details,omitempty"`
	Metadata            map[string]string    `json:"metadata,omitempty"`
	Registration        string               `json:"receipt_registration,omitempty"`

	receipt   *receipt
	minor     int64  // the amount in kopecks
	reason    string // of the cancellation; "" lets it succeed
	postponed bool   // the status follows when it is read or requested again
}

// refundUse is the first request with a key.
type refundUse struct {
	body   string
	refund *refund
	at     time.Time
}

// refundLife is how long a payment can be refunded.
const refundLife = 3 * 365 * 24 * time.Hour

func (f *Fake) takeRefund(r *http.Request, body string) response {
	var q refundRequest
	if json.Unmarshal([]byte(body), &q) != nil || r.Header.Get("Content-Type") != "application/json" {
		return refuse("", "The body is not JSON")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key, paid := r.Header.Get("Idempotence-Key"), f.find(q.PaymentID)
	fault := f.nextRefundFault(paid)
	if fault.prevents() {
		return fault.instead
	}
	first, used := f.refundKeys[key]
	used = used && f.now().Before(first.at.Add(keyLife))
	switch {
	case !validKey.MatchString(key):
		return refuse("Idempotence-Key", "Idempotence key is invalid")
	case used && first.body != body:
		return refuse("Idempotence-Key", "Idempotence key duplicated")
	}
	made := first.refund
	if used {
		made.progress()
	} else {
		if invalid := f.checkRefund(paid, q); invalid != nil {
			return invalid
		}
		made = f.addRefund(paid, q, fault == InternalError || fault == Processing || fault == Pending)
		f.refundKeys[key] = refundUse{body, made, made.CreatedAt}
	}
	copied := *made
	return func(w http.ResponseWriter, r *http.Request) { fault.respondRefund(w, r, copied) }
}

// nextRefundFault returns the fault of a request. The caller holds mu.
func (f *Fake) nextRefundFault(paid *payment) Fault {
	if len(f.refundFaults) > 0 {
		next := f.refundFaults[0]
		f.refundFaults = f.refundFaults[1:]
		return next
	}
	if paid == nil {
		return NoFault
	}
	return paid.decides.RefundFault
}

// checkRefund returns the refusal of an invalid request, or nil. The caller holds mu.
func (f *Fake) checkRefund(paid *payment, q refundRequest) response {
	minor := minorOf(q.Amount.Value)
	switch {
	case paid == nil:
		return refuse("payment_id", "Payment doesn't exist")
	case paid.Status != succeeded, !f.now().Before(paid.CreatedAt.Add(refundLife)):
		return refuse("payment_id", "Payment cannot be refunded")
	case minor <= 0, q.Amount.Currency != paid.Amount.Currency:
		return refuse("amount", "The amount is wrong")
	case minor > f.rest(paid):
		return refuse("amount", "The amount exceeds the rest of payment "+paid.ID)
	default:
		return f.checkReceipt(q.Receipt, q.Amount, false)
	}
}

// minorOf returns a decimal amount in kopecks, or 0 for an invalid one.
func minorOf(value string) int64 {
	if !validValue.MatchString(value) {
		return 0
	}
	minor, _ := strconv.ParseInt(strings.ReplaceAll(value, ".", ""), 10, 64) // has at most 11 digits
	return minor
}

// rest returns the part of a payment that can be refunded. The caller holds mu.
func (f *Fake) rest(paid *payment) int64 {
	rest := minorOf(paid.Amount.Value)
	for _, x := range f.refunds {
		if x.PaymentID == paid.ID && x.Status != canceled {
			rest -= x.minor
		}
	}
	return rest
}

// addRefund creates a refund for a valid request. The caller holds mu.
func (f *Fake) addRefund(paid *payment, q refundRequest, postponed bool) *refund {
	x := &refund{
		ID: newID(), PaymentID: paid.ID, Status: pending, Amount: q.Amount, CreatedAt: f.now(), Description: q.Description,
		Metadata: q.Metadata, Registration: registration(q.Receipt), receipt: q.Receipt, minor: minorOf(q.Amount.Value), reason: paid.decides.RefundReason, postponed: postponed,
	}
	f.refunds = append(f.refunds, x)
	if !postponed && !f.holdRefunds {
		x.finish(x.reason)
	}
	return x
}

// finish gives the refund its final status.
func (x *refund) finish(reason string) {
	x.Status, x.postponed = succeeded, false
	if reason != "" {
		x.Status, x.CancellationDetails = canceled, &cancellationDetails{"refund_network", reason}
	}
}

func (x *refund) progress() {
	if x.postponed {
		x.finish(x.reason)
	}
}

func (f *Fake) readRefund(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	n := slices.IndexFunc(f.refunds, func(x *refund) bool { return x.ID == r.PathValue("id") })
	if n < 0 {
		f.mu.Unlock()
		respond(w, http.StatusNotFound, failure{Code: "not_found", Description: "Refund doesn't exist", Parameter: "refund_id"})
		return
	}
	f.refunds[n].progress()
	copied := *f.refunds[n]
	f.mu.Unlock()
	respond(w, http.StatusOK, copied)
}

func (f *Fake) listRefunds(w http.ResponseWriter, r *http.Request) {
	paid := r.URL.Query().Get("payment_id")
	serveList(w, r, func(q listQuery) page[refund] {
		f.mu.Lock()
		defer f.mu.Unlock()
		return pageOf(f.refunds, q, func(x *refund) (id string, visible bool) {
			x.progress()
			return x.ID, f.now().Sub(x.CreatedAt) >= f.listLag && (paid == "" || x.PaymentID == paid) &&
				q.keep(&payment{Status: x.Status, CreatedAt: x.CreatedAt})
		})
	})
}

// respondRefund responds to a request that has made the refund.
func (t Fault) respondRefund(w http.ResponseWriter, r *http.Request, x refund) {
	switch t {
	case LoseResponse, HoldResponse, InternalError, Processing: // the responses have no object
		t.respond(w, r, payment{})
	case HalfResponse:
		body, _ := json.Marshal(x)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		hangUp()
	case OtherPayment:
		x.Metadata = map[string]string{"refund_id": "another"}
		respond(w, http.StatusOK, x)
	default:
		respond(w, http.StatusOK, x)
	}
}

// FailRefunds queues faults. Each of the next POST /v3/refunds takes one.
func (f *Fake) FailRefunds(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refundFaults = append(f.refundFaults, faults...)
}

// HoldRefunds leaves new refunds pending until SettleRefunds.
func (f *Fake) HoldRefunds() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holdRefunds = true
}

// SettleRefunds gives all pending refunds their final status, and sends notifications of
// those that succeed. reason cancels them; "" lets them succeed.
func (f *Fake) SettleRefunds(ctx context.Context, reason string) {
	var settled []refund
	f.mu.Lock()
	f.holdRefunds = false
	for _, x := range f.refunds {
		if x.Status == pending {
			x.finish(reason)
			settled = append(settled, *x)
		}
	}
	f.mu.Unlock()
	for _, x := range settled {
		if f.cfg.Notify != nil && x.Status == succeeded {
			body, _ := json.Marshal(map[string]any{"type": "notification", "event": "refund.succeeded", "object": x})
			f.cfg.Notify(ctx, body)
		}
	}
}

// RefundByHand refunds a part of a payment, such as "99.00", like a person in the merchant
// account. It returns the id of the refund, or "" if there is no such payment.
func (f *Fake) RefundByHand(ref, value string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	paid := f.find(ref)
	if paid == nil {
		return ""
	}
	return f.addRefund(paid, refundRequest{Amount: amount{value, paid.Amount.Currency}}, false).ID
}

// HidePayments removes the metadata of all payments, as if another program had made them.
func (f *Fake) HidePayments() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.payments {
		p.Metadata = map[string]string{}
	}
}

// Refunded returns the number and the sum in kopecks of the refunds with a key that are not
// canceled, whatever lists show.
func (f *Fake) Refunded(key string) (n int, sum int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.refunds {
		if x.Metadata["refund_id"] == key && x.Status != canceled {
			n, sum = n+1, sum+x.minor
		}
	}
	return n, sum
}
