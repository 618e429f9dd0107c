package stripe

import (
	"cmp"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refund is a refund at Stripe.
type refund struct {
	ID            string            `json:"id"`
	Status        string            `json:"status"`
	FailureReason string            `json:"failure_reason"`
	Amount        int64             `json:"amount"`
	Currency      string            `json:"currency"`
	Created       int64             `json:"created"`
	Metadata      map[string]string `json:"metadata"`
	Intent        object            `json:"payment_intent"`
}

// Statuses of a refund, besides succeeded, requiresAction and canceled.
const (
	refundPending = "pending"
	refundFailed  = "failed"
)

// outcome returns the outcome of the refund. An error leaves it unknown.
func (r refund) outcome() (billing.RefundOutcome, error) {
	o := billing.RefundOutcome{ProviderRef: r.ID}
	if !isID(r.ID) {
		return billing.RefundOutcome{}, errObject
	}
	switch r.Status {
	case succeeded:
		o.Status = billing.PaymentSucceeded
	case refundPending, requiresAction:
		o.Status = billing.PaymentPending
	case refundFailed, canceled:
		o.Status, o.DeclineCode = billing.PaymentDeclined, r.reason()
	default:
		return billing.RefundOutcome{}, errStatus
	}
	return o, nil
}

// repeated returns the outcome of the refund in a response to a request with this key and
// price. It returns [ports.ErrKeyConflict] for a refund of another amount.
func (r refund) repeated(key billing.RefundID, p price) (billing.RefundOutcome, error) {
	switch {
	case r.Metadata[metaRefund] != string(key):
		return billing.RefundOutcome{}, errOtherRefund
	case r.Amount != p.amount || r.Currency != p.currency:
		return billing.RefundOutcome{}, ports.ErrKeyConflict
	default:
		return r.outcome()
	}
}

// rank orders refunds with the same key. The refund that moved money counts most.
func (r refund) rank() int {
	switch r.Status {
	case "":
		return 0
	case succeeded:
		return 3
	case refundFailed, canceled:
		return 1
	default:
		return 2
	}
}

// entry returns the entry of the refund in a list. It returns false for a refund of another
// program. The PaymentIntent says which payment it belongs to, even if a person made the
// refund in the Dashboard.
func (r refund) entry() (_ ports.RefundEntry, ours bool, err error) {
	payment := cmp.Or(r.Intent.Metadata[metaPayment], r.Metadata[metaPayment])
	if payment == "" {
		return ports.RefundEntry{}, false, nil
	}
	o, err := r.outcome()
	if err != nil {
		return ports.RefundEntry{}, true, err
	}
	amount, err := fromStripe(r.Amount, r.Currency)
	return ports.RefundEntry{
		Key: billing.RefundID(r.Metadata[metaRefund]), Ref: r.ID, Payment: billing.PaymentID(payment), PaymentRef: r.Intent.ID,
		Amount: amount, Status: o.Status, At: time.Unix(r.Created, 0).UTC(),
	}, true, err
}

// refundReasons maps the reasons of failed refunds (docs.stripe.com/refunds#failed-refunds)
// to decline codes.
func refundReasons() map[string]billing.DeclineCode {
	return map[string]billing.DeclineCode{
		"charge_for_pending_refund_disputed": billing.NotPermitted, // the viewer went to the bank meanwhile
		"declined":                           billing.GenericDecline,
		"expired_or_canceled_card":           billing.CardExpired,
		"insufficient_funds":                 billing.InsufficientFunds, // in our account at Stripe
		"lost_or_stolen_card":                billing.LostOrStolen,
		"merchant_request":                   billing.GenericDecline, // a person canceled it in the Dashboard
		"unknown":                            billing.UnknownDecline,
	}
}

// reason returns the decline code of a refund that failed or was canceled.
func (r refund) reason() billing.DeclineCode {
	if code, listed := refundReasons()[r.FailureReason]; listed {
		return code
	}
	if r.Status == canceled && r.FailureReason == "" {
		return billing.GenericDecline
	}
	return billing.UnknownDecline
}
