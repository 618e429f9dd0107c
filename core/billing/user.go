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
// to charge the viewer. The token that a viewer sent never changes: another
// token is another method. A method that was made from a card has none until the
// payment system has given one, and may get another when the card is reissued.
type PaymentMethod struct {
	ID            PaymentMethodID
	UserID        UserID
	PaymentSystem string
	Token         Secret
	CardID        CardID // of the card that it was made from; empty when there is none
	CreatedAt     time.Time
	RemovedAt     time.Time // zero while it may be charged
	// Unreadable says that there is a token which could not be read: nothing can be
	// charged now, and nothing is decided by it.
	Unreadable bool
}

// NewPaymentMethod checks the token that a viewer sent: 1 to 255 printable
// ASCII characters without spaces, as payment systems issue them. Its errors
// are [ErrInvalid].
func NewPaymentMethod(id PaymentMethodID, user UserID, system string, token Secret, now time.Time) (PaymentMethod, error) {
	var f faults
	text := token.Reveal()
	f.add(text != "" && len(text) <= 255, "payment_token", "must be 1 to 255 characters")
	f.add(printable(text), "payment_token", "must be printable ASCII without spaces")
	f.add(!LooksLikeCardNumber(text), "payment_token", "looks like the number of a card; add the card instead")
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

// gone reports whether the method will never be charged again.
func (m PaymentMethod) gone() bool {
	neverSaved := m.CardID != "" && m.Token.IsZero() && !m.Unreadable
	return !m.RemovedAt.IsZero() || neverSaved
}

// NewCardMethod is the way to charge a card at a payment system that has not
// given a token for it yet.
func NewCardMethod(id PaymentMethodID, card Card, system string, now time.Time) PaymentMethod {
	return PaymentMethod{ID: id, UserID: card.UserID, PaymentSystem: system, CardID: card.ID, CreatedAt: now}
}
