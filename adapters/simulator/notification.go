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
	Type    string            `json:"type"`
	Payment billing.PaymentID `json:"payment"`
	Refund  billing.RefundID  `json:"refund,omitempty"`
	Ref     string            `json:"ref,omitempty"` // of the refund
}

// The types of notifications.
const (
	paymentChanged = "payment.changed"
	refundChanged  = "refund.changed"
)

// ReadNotification implements [ports.Listener].
func (s *Simulator) ReadNotification(n ports.Notification) (ports.Notice, error) {
	if !signature.Genuine(n, SignatureHeader, s.cfg.NotifySecret) {
		return ports.Notice{}, ports.ErrForged
	}
	var body notification
	if err := json.Unmarshal(n.Body, &body); err != nil {
		return ports.Notice{}, ports.ErrIrrelevant
	}
	switch body.Type {
	case paymentChanged:
		return ports.Notice{Key: body.Payment}, nil
	case refundChanged:
		return ports.Notice{Refund: body.Refund, RefundRef: body.Ref}, nil
	default:
		return ports.Notice{}, ports.ErrIrrelevant
	}
}

// notifyPayment tells the service that a payment has changed.
func (s *Simulator) notifyPayment(ctx context.Context, key billing.PaymentID) {
	s.notify(ctx, notification{Type: paymentChanged, Payment: key})
}

// notifyRefund tells the service that a refund has changed.
func (s *Simulator) notifyRefund(ctx context.Context, r refund) {
	s.notify(ctx, notification{Type: refundChanged, Payment: r.payment, Refund: r.key, Ref: r.ref})
}

// notify sends a notification. Like a real payment system, the simulator does not wait for
// the answer; unlike one, it does not repeat.
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
