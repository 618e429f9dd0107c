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
	Type    string            `json:"type"` // payment.changed
	Payment billing.PaymentID `json:"payment"`
}

// ReadNotification implements [ports.Listener].
func (s *Simulator) ReadNotification(n ports.Notification) (ports.Notice, error) {
	if !signature.Genuine(n, SignatureHeader, s.cfg.NotifySecret) {
		return ports.Notice{}, ports.ErrForged
	}
	var body notification
	if err := json.Unmarshal(n.Body, &body); err != nil || body.Type != "payment.changed" {
		return ports.Notice{}, ports.ErrIrrelevant
	}
	return ports.Notice{Key: body.Payment}, nil
}

// notify tells the service that a payment has changed. Like a real payment system, the
// simulator does not wait for the answer; unlike one, it does not repeat.
func (s *Simulator) notify(ctx context.Context, key billing.PaymentID) {
	if s.cfg.Notify == nil || s.cfg.NotifySecret.IsZero() {
		return
	}
	body, err := json.Marshal(notification{"payment.changed", key})
	if err != nil {
		return // a key is always valid
	}
	header := signature.Header(s.cfg.NotifySecret, s.cfg.Wall(), body)
	s.cfg.Notify(context.WithoutCancel(ctx), map[string][]string{SignatureHeader: {header}}, body)
}
