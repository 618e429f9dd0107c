package stripe

import (
	"encoding/json"
	"slices"

	"github.com/online-cinema/billing/adapters/internal/signature"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const signatureHeader = "Stripe-Signature"

// eventTypes returns the types of events after which a payment or the save of a card may
// have changed. The webhook endpoint must send them. See also refundEventTypes.
func eventTypes() []string {
	return []string{
		"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing",
		"payment_intent.requires_action", "payment_intent.canceled",
		"checkout.session.completed", "checkout.session.expired",
	}
}

// event is the body of a notification. The adapter believes only the name of the payment or
// of the method.
type event struct {
	Type string `json:"type"`
	Data struct {
		Object object `json:"object"`
	} `json:"data"`
}

// ReadNotification implements [ports.Listener].
func (s *Stripe) ReadNotification(n ports.Notification) (ports.Notice, error) {
	if !signature.Genuine(n, signatureHeader, s.cfg.WebhookSecrets...) {
		return ports.Notice{}, ports.ErrForged
	}
	var e event
	switch {
	case json.Unmarshal(n.Body, &e) != nil:
		return ports.Notice{}, ports.ErrIrrelevant
	case slices.Contains(refundEventTypes(), e.Type):
		return readRefundEvent(e, n.Body)
	case !slices.Contains(eventTypes(), e.Type):
		return ports.Notice{}, ports.ErrIrrelevant
	}
	meta, ref := e.Data.Object.Metadata, e.Data.Object.ID
	switch {
	case !isID(ref):
		return ports.Notice{}, ports.ErrIrrelevant
	case meta[metaPayment] != "":
		return ports.Notice{Key: billing.PaymentID(meta[metaPayment]), ProviderRef: ref}, nil
	case meta[metaMethod] != "":
		return ports.Notice{Method: billing.PaymentMethodID(meta[metaMethod]), ProviderRef: ref}, nil
	default:
		return ports.Notice{}, ports.ErrIrrelevant // another program's payment
	}
}
