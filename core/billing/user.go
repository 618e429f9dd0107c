package billing

import "time"

// UserID is a viewer's id: a UUID made from the subject of the viewer's token.
type UserID string

// User is a viewer whom the service has seen.
type User struct {
	ID          UserID
	FirstSeenAt time.Time
	LastSeenAt  time.Time
}

// PaymentMethodID names the link between a viewer and a payment system.
type PaymentMethodID string

// PaymentMethod links a viewer to the token by which a payment system knows how
// to charge the viewer. The token of a method never changes: another token is
// another method.
type PaymentMethod struct {
	ID            PaymentMethodID
	UserID        UserID
	PaymentSystem string
	Token         Secret
	CreatedAt     time.Time
	RemovedAt     time.Time // zero while it may be charged
}

// NewPaymentMethod checks the token that a viewer sent: 1 to 255 printable
// ASCII characters without spaces, as payment systems issue them. Its errors
// are [ErrInvalid].
func NewPaymentMethod(id PaymentMethodID, user UserID, system string, token Secret, now time.Time) (PaymentMethod, error) {
	var f faults
	text := token.Reveal()
	f.add(text != "" && len(text) <= 255, "payment_token", "must be 1 to 255 characters")
	f.add(printable(text), "payment_token", "must be printable ASCII without spaces")
	return PaymentMethod{ID: id, UserID: user, PaymentSystem: system, Token: token, CreatedAt: now}, f.err()
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
