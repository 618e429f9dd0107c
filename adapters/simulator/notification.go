package simulator

import (
	"context"
	"encoding/json"

	"github.com/online-cinema/billing/adapters/internal/signature"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// SignatureHeader contains the time and the signature of a notification, in the form of
// package signature.
const SignatureHeader = "Simulator-Signature"

// notification is the body of a notification.
type notification struct {
	Type    string                  `json:"type"`
	Payment billing.PaymentID       `json:"payment,omitempty"`
	Method  billing.PaymentMethodID `json:"payment_method,omitempty"`
	Refund  billing.RefundID        `json:"refund,omitempty"`
	Ref     string                  `json:"ref,omitempty"` // of the refund
}

// The types of notifications.
const (
	paymentChanged = "payment.changed"
	refundChanged  = "refund.changed"
	methodChanged  = "payment_method.changed"
)

// ReadNotification implements [ports.Listener].
func (s *Simulator) ReadNotification(n ports.Notification) (ports.Notice, error) {
	if !signature.Genuine(n, SignatureHeader, s.cfg.NotifySecret) {
		return ports.Notice{}, ports.ErrForged
	}
	var body notification
	err := json.Unmarshal(n.Body, &body)
	switch {
	case err == nil && body.Type == paymentChanged:
		return ports.Notice{Key: body.Payment}, nil
	case err == nil && body.Type == methodChanged && body.Method != "":
		return ports.Notice{Method: body.Method}, nil
	case err == nil && body.Type == refundChanged:
		return ports.Notice{Refund: body.Refund, RefundRef: body.Ref}, nil
	default:
		return ports.Notice{}, ports.ErrIrrelevant
	}
}

// notifyRefund tells the service that a refund has changed.
func (s *Simulator) notifyRefund(ctx context.Context, r refund) {
	s.notify(ctx, notification{Type: refundChanged, Payment: r.payment, Refund: r.key, Ref: r.ref})
}

// notify tells the service that a payment, a refund or a saved card has changed. Like a real
// payment system, the simulator does not wait for the answer; unlike one, it does not repeat.
func (s *Simulator) notify(ctx context.Context, n notification) {
	if s.cfg.Notify == nil || s.cfg.NotifySecret.IsZero() {
		return
	}
	body, err := json.Marshal(n)
	if err != nil {
		return // a key is always valid
	}
	header := signature.Header(s.cfg.NotifySecret, s.cfg.Wall(), body)
	s.cfg.Notify(context.WithoutCancel(ctx), map[string][]string{SignatureHeader: {header}}, body)
}
