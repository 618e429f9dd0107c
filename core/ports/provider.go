package ports

import (
	"context"
	"errors"

	"github.com/online-cinema/billing/core/billing"
)

// Provider is a payment system. Only a [payments.Collector] holds one.
//
// An error says that the outcome is not known, unless it is one of the errors
// below. Errors never hold a secret, nor what the payment system answered word
// for word.
type Provider interface {
	// Charge asks for money, once for each key, whatever happens and however
	// often it is called: a repetition gets the first outcome.
	//
	// With a card instead of a token it also saves the card, and the outcome of a
	// charge that succeeded has the token for it. Only a viewer who is there can
	// pay with a card: a merchant's request with one, or any without a CVV, is
	// ErrRefused before anything is sent.
	//
	//	ErrNotSent       this call surely never reached it, and charged nothing
	//	ErrTokenUnknown  it does not know the token; nothing was charged
	//	ErrRefused       it calls the request wrong; nothing was charged
	//	ErrKeyConflict   the key was used for another request
	//	ErrCredentials   it does not accept our credentials; nothing was charged
	//	any other        unknown
	Charge(ctx context.Context, r ChargeRequest) (billing.Outcome, error)
	// Find returns the outcome of the charge with this key.
	//
	//	ErrChargeNotFound  it has no such charge. Once nobody sends the charge any
	//	                   more, it never will have.
	//	any other          not known at the moment
	Find(ctx context.Context, key billing.PaymentID) (billing.Outcome, error)
}

// ChargeRequest is all that a payment system is told.
type ChargeRequest struct {
	Key       billing.PaymentID // idempotency key and reference
	Token     billing.Secret
	Card      *Card // instead of a token
	Amount    billing.Money
	Initiator billing.Initiator
}

// Card is what a payment system is told of a bank card, once.
type Card struct {
	billing.CardDetails
	CVV billing.CVV
}

// CheckCard returns [ErrRefused] for a request that no payment system may be
// sent: one with a card and without the viewer or the viewer's CVV, or with both
// a card and a token. Every [Provider] calls it before anything else.
func (r ChargeRequest) CheckCard() error {
	if r.Card == nil {
		return nil
	}
	whole := !r.Card.Number.IsZero() && !r.Card.CVV.IsZero()
	if r.Initiator != billing.CustomerInitiated || !whole || !r.Token.IsZero() {
		return ErrRefused
	}
	return nil
}

// What a [Provider] can say besides an outcome.
var (
	ErrNotSent        = errors.New("the payment system is out of reach; the charge was not sent")
	ErrTokenUnknown   = errors.New("the payment system does not know the token")
	ErrRefused        = errors.New("the payment system refused the request as wrong")
	ErrKeyConflict    = errors.New("the payment system knows the key from another request")
	ErrCredentials    = errors.New("the payment system does not accept our credentials")
	ErrChargeNotFound = errors.New("the payment system has no such charge")
)

// OutcomeName says what a payment system answered in one word of a short list,
// for logs, metrics and traces.
func OutcomeName(o billing.Outcome, err error) string {
	if err == nil {
		return string(o.Status)
	}
	for _, known := range []struct {
		err  error
		name string
	}{
		{ErrNotSent, "not_sent"}, {ErrTokenUnknown, "token_unknown"}, {ErrRefused, "refused"},
		{ErrKeyConflict, "key_conflict"}, {ErrCredentials, "credentials"}, {ErrChargeNotFound, "not_found"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return OutcomeUnknown
}

// OutcomeUnknown is the name of an outcome that nobody knows.
const OutcomeUnknown = "unknown"
