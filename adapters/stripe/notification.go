package stripe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const (
	signatureHeader = "Stripe-Signature"
	// signatureAge is the longest time between the signature and the arrival of a
	// notification. A later one may be a recorded one.
	signatureAge = 5 * time.Minute
)

// eventTypes returns the types of events after which a payment may have changed. The
// webhook endpoint must send them.
func eventTypes() []string {
	return []string{
		"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing",
		"payment_intent.requires_action", "payment_intent.canceled",
		"checkout.session.completed", "checkout.session.expired",
	}
}

// event is the body of a notification. The adapter believes only the name of the payment.
type event struct {
	Type string `json:"type"`
	Data struct {
		Object object `json:"object"`
	} `json:"data"`
}

// ReadNotification implements [ports.Listener].
func (s *Stripe) ReadNotification(n ports.Notification) (ports.Notice, error) {
	if !s.genuine(n) {
		return ports.Notice{}, ports.ErrForged
	}
	var e event
	if json.Unmarshal(n.Body, &e) != nil || !slices.Contains(eventTypes(), e.Type) {
		return ports.Notice{}, ports.ErrIrrelevant
	}
	key, ref := e.Data.Object.Metadata[metaPayment], e.Data.Object.ID
	if key == "" || !isID(ref) {
		return ports.Notice{}, ports.ErrIrrelevant // another program's payment
	}
	return ports.Notice{Key: billing.PaymentID(key), ProviderRef: ref}, nil
}

// genuine reports whether one of the secrets signed the body a short time ago.
func (s *Stripe) genuine(n ports.Notification) bool {
	values := n.Header[signatureHeader]
	if len(values) != 1 {
		return false
	}
	at, signatures := parseSignature(values[0])
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || n.At.Sub(time.Unix(seconds, 0)).Abs() > signatureAge {
		return false
	}
	good := false
	for _, secret := range s.cfg.WebhookSecrets {
		want := sign(secret, at, n.Body)
		for _, got := range signatures {
			good = hmac.Equal(got, want) || good
		}
	}
	return good
}

// parseSignature returns the time and the signatures of scheme v1 in the header. It
// ignores other schemes.
func parseSignature(header string) (at string, signatures [][]byte) {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			at = value
		case "v1":
			if signature, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, signature)
			}
		}
	}
	return at, signatures
}

// sign returns the HMAC-SHA256 of the time, a dot and the body.
func sign(secret billing.Secret, at string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
