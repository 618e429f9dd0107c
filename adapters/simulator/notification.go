package simulator

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// SignatureHeader contains the time and the signature of a notification, as
// "t=1700000000,v1=HEX": the HMAC-SHA256 of the time, a dot and the body.
const SignatureHeader = "Simulator-Signature"

// signatureAge is the longest time between the signature and the arrival of a
// notification. Later, it may be a recorded one.
const signatureAge = 5 * time.Minute

// notification is the body of a notification.
type notification struct {
	Type    string            `json:"type"` // payment.changed
	Payment billing.PaymentID `json:"payment"`
}

// ReadNotification implements [ports.Listener].
func (s *Simulator) ReadNotification(n ports.Notification) (ports.Notice, error) {
	at, signature := parseSignature(n.Header)
	if len(s.cfg.NotifySecret) == 0 || n.At.Sub(at).Abs() > signatureAge || !hmac.Equal(signature, s.sign(at, n.Body)) {
		return ports.Notice{}, ports.ErrForged
	}
	var body notification
	if err := json.Unmarshal(n.Body, &body); err != nil || body.Type != "payment.changed" {
		return ports.Notice{}, ports.ErrIrrelevant
	}
	return ports.Notice{Key: body.Payment}, nil
}

// sign returns the signature of a body at a time.
func (s *Simulator) sign(at time.Time, body []byte) []byte {
	mac := hmac.New(sha256.New, s.cfg.NotifySecret)
	mac.Write(append(strconv.AppendInt(nil, at.Unix(), 10), '.'))
	mac.Write(body)
	return mac.Sum(nil)
}

// parseSignature returns the parts of the header, or zero values.
func parseSignature(h map[string][]string) (at time.Time, signature []byte) {
	values := h[SignatureHeader]
	if len(values) != 1 {
		return at, nil
	}
	t, v1, _ := strings.Cut(values[0], ",")
	seconds, err := strconv.ParseInt(strings.TrimPrefix(t, "t="), 10, 64)
	if err != nil {
		return at, nil
	}
	signature, err = hex.DecodeString(strings.TrimPrefix(v1, "v1="))
	if err != nil {
		return at, nil
	}
	return time.Unix(seconds, 0), signature
}

// notify tells the service that a payment has changed. Like a real payment system, the
// simulator does not wait for the answer; unlike one, it does not repeat.
func (s *Simulator) notify(ctx context.Context, key billing.PaymentID) {
	if s.cfg.Notify == nil || len(s.cfg.NotifySecret) == 0 {
		return
	}
	body, err := json.Marshal(notification{"payment.changed", key})
	if err != nil {
		return // a key is always valid
	}
	at := s.cfg.Wall()
	header := "t=" + strconv.FormatInt(at.Unix(), 10) + ",v1=" + hex.EncodeToString(s.sign(at, body))
	s.cfg.Notify(context.WithoutCancel(ctx), map[string][]string{SignatureHeader: {header}}, body)
}
