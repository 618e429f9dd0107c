package fake

import (
	"cmp"
	"slices"
	"strconv"
)

// Operations of refunds.
const (
	OpRefund     = "POST /v1/refunds"
	OpReadRefund = "GET /v1/refunds/{id}"
	OpRefunds    = "GET /v1/refunds"
)

func (f *Fake) refundOperations() map[string]operation {
	return map[string]operation{OpRefund: f.createRefund, OpReadRefund: f.readRefund, OpRefunds: f.listRefunds}
}

type refund struct {
	id, status, reason string
	amount, created    int64
	intent             *intent
	metadata           map[string]string
}

// reserves reports whether the amount of the refund cannot be refunded again.
func (r *refund) reserves() bool { return r.status != "failed" && r.status != "canceled" }

// rest returns the amount of an intent that can still be refunded.
func (f *Fake) rest(i *intent) int64 {
	rest := i.amount
	for _, r := range f.refunds {
		if r.intent == i && r.reserves() {
			rest -= r.amount
		}
	}
	return rest
}

func (f *Fake) createRefund(in input) response {
	i := f.findIntent(in.Get("payment_intent"))
	amount, err := strconv.ParseInt(in.Get("amount"), 10, 64)
	switch {
	case i == nil:
		return missing("payment_intent")
	case err != nil || amount < 1:
		return invalid("parameter_invalid_integer", "amount")
	case i.status != "succeeded":
		return invalid("payment_intent_unexpected_state", "")
	case f.rest(i) == 0:
		return invalid("charge_already_refunded", "")
	case amount > f.rest(i):
		return invalid("", "amount") // Stripe gives no code
	}
	resp := ok(f.refundJSON(f.addRefund(i, amount, metadata(in.Values, "metadata")), false))
	resp.lost = f.method(i.method).kind == "pm_refund_lost"
	return resp
}

func (f *Fake) addRefund(i *intent, amount int64, metadata map[string]string) *refund {
	r := &refund{
		id: f.newID("re"), status: cmp.Or(f.refundStatus, "succeeded"), amount: amount, created: f.cfg.Now().Unix(),
		intent: i, metadata: metadata,
	}
	f.refunds = append(f.refunds, r)
	return r
}

func (f *Fake) readRefund(in input) response {
	n := slices.IndexFunc(f.refunds, func(r *refund) bool { return r.id == in.id })
	if n < 0 {
		return missing("id")
	}
	return ok(f.refundJSON(f.refunds[n], expands(in, "payment_intent")))
}

func (f *Fake) listRefunds(in input) response {
	var items []item
	for _, r := range f.refunds {
		if id := in.Get("payment_intent"); id == "" || r.intent.id == id {
			items = append(items, item{r.id, r.created, func() map[string]any { return f.refundJSON(r, expands(in, "data.payment_intent")) }})
		}
	}
	resp := f.list(in, items)
	if list, is := resp.body.(map[string]any); is && resp.status == 200 {
		list["url"] = "/v1/refunds"
	}
	return resp
}

func (f *Fake) refundJSON(r *refund, expanded bool) map[string]any {
	body := map[string]any{
		"id": r.id, "object": "refund", "status": r.status, "amount": r.amount, "currency": r.intent.currency, "created": r.created,
		"charge": r.intent.charge.id, "payment_intent": r.intent.id, "metadata": r.metadata, "reason": nil, "receipt_number": nil,
		"balance_transaction": nil, "source_transfer_reversal": nil, "transfer_reversal": nil,
	}
	if r.reason != "" {
		body["failure_reason"] = r.reason
	}
	if r.status == "pending" {
		body["pending_reason"] = "processing"
	}
	if expanded {
		body["payment_intent"] = f.intentJSON(r.intent, false, false)
	}
	return body
}

// SetRefundStatus gives new refunds this status; "" means succeeded.
func (f *Fake) SetRefundStatus(status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refundStatus = status
}

// MoveRefunds gives all refunds with a status another one, and sends notifications. reason
// is the reason of a failure.
func (f *Fake) MoveRefunds(from, status, reason string) {
	var events []event
	f.mu.Lock()
	for _, r := range f.refunds {
		if r.status == from {
			r.status, r.reason = status, reason
			events = append(events, event{"refund.updated", r.id, r.metadata})
		}
	}
	f.mu.Unlock()
	for _, e := range events {
		f.notify(e)
	}
}

// RefundByHand refunds a part of a payment like a person in the Dashboard. It returns the
// id of the refund, or "" if the payment took no money.
func (f *Fake) RefundByHand(payment string, amount int64) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.intents {
		if i.status == "succeeded" && i.metadata["payment_id"] == payment {
			return f.addRefund(i, amount, map[string]string{}).id
		}
	}
	return ""
}

// Refunded returns the number and the sum of the refunds with a key that did not fail,
// whatever lists show.
func (f *Fake) Refunded(key string) (n int, sum int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.refunds {
		if r.metadata["refund_id"] == key && r.reserves() {
			n, sum = n+1, sum+r.amount
		}
	}
	return n, sum
}

// HidePayments removes the metadata of all PaymentIntents, as if another program had made
// them.
func (f *Fake) HidePayments() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.intents {
		i.metadata = map[string]string{}
	}
}

// HideRefunds removes the metadata of all refunds.
func (f *Fake) HideRefunds() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.refunds {
		r.metadata = map[string]string{}
	}
}
