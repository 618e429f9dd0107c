package billing

import "time"

// PaymentMethodID identifies a payment method.
type PaymentMethodID string

// PaymentMethod links a viewer to the token by which a payment system charges
// the viewer.
//
// A method made from a viewer's token keeps that token: another token is another
// method. A method made from a card, or on a page of the payment system, has no token
// until the payment system returns one, and gets a new one when the card is reissued.
type PaymentMethod struct {
	ID            PaymentMethodID
	UserID        UserID
	PaymentSystem string
	Token         Secret
	CardID        CardID // the card that it was made from; empty for others
	FromPage      bool   // it was made on a page of the payment system
	CreatedAt     time.Time
	RemovedAt     time.Time // zero while the method can be charged
	// Unreadable is set if the stored token could not be decrypted. The method
	// cannot be charged now, but it does not count as removed.
	Unreadable bool
}

// maxToken is the longest payment token in bytes. Tokens of YooKassa have hundreds.
const maxToken = 4096

// NewPaymentMethod returns a method for the token that a viewer sent: 1 to 4096
// printable ASCII characters without spaces. It returns an [InvalidError] for any
// other token, and for a card number.
func NewPaymentMethod(id PaymentMethodID, user UserID, system string, token Secret, now time.Time) (PaymentMethod, error) {
	var f faults
	text := token.Reveal()
	f.add(text != "" && len(text) <= maxToken, "payment_token", "must be 1 to 4096 characters")
	f.add(printable(text), "payment_token", "must be printable ASCII without spaces")
	f.add(!IsCardNumber(text), "payment_token", "looks like the number of a card; add the card instead")
	return PaymentMethod{ID: id, UserID: user, PaymentSystem: system, Token: token, CreatedAt: now}, f.err()
}

// NewCardMethod returns a method for a card whose token the payment system has
// not returned yet.
func NewCardMethod(id PaymentMethodID, card Card, system string, now time.Time) PaymentMethod {
	return PaymentMethod{ID: id, UserID: card.UserID, PaymentSystem: system, CardID: card.ID, CreatedAt: now}
}

// NewPageMethod returns a method that the viewer makes on a page of the payment system,
// which has not returned its token yet.
func NewPageMethod(id PaymentMethodID, user UserID, system string, now time.Time) PaymentMethod {
	return PaymentMethod{ID: id, UserID: user, PaymentSystem: system, FromPage: true, CreatedAt: now}
}

// MethodKind is what a payment method was made from.
type MethodKind string

// The kinds of payment methods.
const (
	FromCard  MethodKind = "card"  // a card that the viewer has stored in the service
	FromToken MethodKind = "token" // a payment system's token, which the viewer sent or made on its page
)

// Kind returns what the method was made from.
func (m PaymentMethod) Kind() MethodKind {
	if m.CardID != "" {
		return FromCard
	}
	return FromToken
}

// MethodStatus tells whether a payment method can be charged.
type MethodStatus string

// The statuses of a payment method that is not removed.
const (
	MethodPending MethodStatus = "pending" // the payment or the page that saves it is not settled
	MethodActive  MethodStatus = "active"  // it can be charged
	MethodFailed  MethodStatus = "failed"  // the payment system did not save it
)

// Status returns the status of a method that is not removed. pending tells whether a
// payment by the method is pending, or the page that saves it.
func (m PaymentMethod) Status(pending bool) MethodStatus {
	switch {
	case m.Retired() == "":
		return MethodActive
	case pending:
		return MethodPending
	default:
		return MethodFailed
	}
}

// Remove returns the method as removed, without its token. Removing a method twice
// changes nothing.
func (m PaymentMethod) Remove(now time.Time) PaymentMethod {
	if !m.RemovedAt.IsZero() {
		return m
	}
	m.RemovedAt, m.Token, m.Unreadable = now, Secret{}, false
	return m
}

// AddedEvent returns the event of a new method.
func (m PaymentMethod) AddedEvent() Event { return m.event(EventMethodAdded, m.CreatedAt) }

// RemovedEvent returns the event of a removed method.
func (m PaymentMethod) RemovedEvent() Event { return m.event(EventMethodRemoved, m.RemovedAt) }

func (m PaymentMethod) event(t EventType, at time.Time) Event {
	return Event{UserID: m.UserID, Type: t, At: at, MethodID: m.ID, CardID: m.CardID}
}

// Retired returns why the method must never be charged again: [MethodRemoved], or
// [MethodNotSaved] if the payment system gave no token. It returns "" if the method can be
// charged. The first payment by a card or on a page gives the method its token, so Retired
// means nothing before that payment has succeeded.
func (m PaymentMethod) Retired() DeclineCode {
	switch {
	case !m.RemovedAt.IsZero():
		return MethodRemoved
	case (m.CardID != "" || m.FromPage) && m.Token.IsZero() && !m.Unreadable:
		return MethodNotSaved
	default:
		return ""
	}
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
