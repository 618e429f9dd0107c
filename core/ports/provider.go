package ports

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Provider is a payment system. Only a [payments.Collector] holds one.
//
// After an error the outcome is unknown, unless it is one of the errors below. Errors
// contain no secrets and never quote the payment system's response.
type Provider interface {
	// Capabilities never change.
	Capabilities() Capabilities
	// Charge takes money at most once for each key, however often it is called. A
	// repeated call returns the first outcome.
	//
	// A charge that the viewer initiated also saves the method for renewals. With a
	// card instead of a token, the outcome of a successful charge contains the token. With
	// neither, the viewer pays on a page of the payment system: the outcome is pending and
	// has the address of the page, and the outcome of a successful charge contains the
	// token. Charge sends nothing and returns ErrRefused if the merchant initiated a charge
	// without a token, if the CVV is missing, or if it lacks the capability. See
	// [ChargeRequest.CheckCard].
	//
	//	ErrNotSent       this call definitely did not reach it; nothing was charged
	//	ErrTokenUnknown  it does not know the token; nothing was charged
	//	ErrRefused       it rejects the request as invalid; nothing was charged
	//	ErrKeyConflict   the key was used for another request
	//	ErrCredentials   it rejects our credentials; nothing was charged
	//	*BusyError       it had too many requests; is also ErrNotSent
	//	ErrTooLate       the key may be forgotten; nothing was sent
	//	any other        unknown
	Charge(ctx context.Context, r ChargeRequest) (billing.Outcome, error)
	// Find returns the outcome of the charge that q describes. It changes nothing there.
	//
	//	ErrChargeNotFound  it has no such charge; whether that is final depends on its
	//	                   [billing.KeyLimits]
	//	any other          unknown at the moment
	Find(ctx context.Context, q ChargeQuery) (billing.Outcome, error)
}

// Capabilities describes a payment system.
type Capabilities struct {
	billing.KeyLimits

	Accepts []Means // for the first payment
	// Receipts are the terms of the receipts that every charge needs; nil if it needs none.
	Receipts *billing.ReceiptTerms
}

// Means is a means of a first payment.
type Means string

// The means of payment.
const (
	ByToken Means = "token" // a token that the payment system's own form gave to the viewer's browser
	ByPage  Means = "page"  // a page of the payment system
	ByCard  Means = "card"  // a card whose number and CVV the service sends
)

// ChargeRequest contains all data that a payment system receives for a charge. A renewal is
// made from stored values only, so a repeated request is the same to the byte.
type ChargeRequest struct {
	Key       billing.PaymentID // idempotency key and reference
	Token     billing.Secret
	Card      *Card // instead of a token
	Amount    billing.Money
	Initiator billing.Initiator
	Payer     billing.UserID
	// ReturnURL is the page to which the viewer's browser goes after a page of the payment
	// system; empty if the client named none.
	ReturnURL string
	// FirstSent is the earliest time at which the payment system may have received the
	// key, on the store's clock. It is zero if this call is the first.
	FirstSent time.Time
	// Receipt is the receipt that the payment system registers; nil if none is stored with
	// the payment.
	Receipt *billing.Receipt
}

// ChargeQuery describes a charge to look up. A payment system that cannot search by our
// key needs the rest.
type ChargeQuery struct {
	Key         billing.PaymentID
	ProviderRef string // empty if the payment system did not report one
	Payer       billing.UserID
	Amount      billing.Money
	// The charge was sent between these times, on the store's clock.
	SentFrom, SentUntil time.Time
}

// Card contains the data of a bank card that a payment system receives once.
type Card struct {
	billing.CardDetails
	CVV billing.CVV
}

// CheckCard returns [ErrRefused] for a request with a card that must not be sent: the
// merchant initiated it, the number or the CVV is missing, or it also has a token.
// Every [Provider] must call CheckCard first.
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

// The errors of a [Provider].
var (
	ErrNotSent        = errors.New("the payment system is unavailable; the request was not sent")
	ErrTokenUnknown   = errors.New("the payment system does not know the token")
	ErrRefused        = errors.New("the payment system refused the request as wrong")
	ErrKeyConflict    = errors.New("the payment system knows the key from another request")
	ErrCredentials    = errors.New("the payment system does not accept our credentials")
	ErrChargeNotFound = errors.New("the payment system has no such charge")
	ErrTooLate        = errors.New("the payment system may have forgotten the key; the charge was not sent")
)

// BusyError is the answer of a payment system that refused a request because it had too
// many. Nothing was charged, so it is [ErrNotSent] too.
type BusyError struct {
	After time.Duration // after which another request is welcome; 0 if not known
}

// Error implements error.
func (e *BusyError) Error() string { return "the payment system has too many requests" }

// Unwrap returns [ErrNotSent].
func (e *BusyError) Unwrap() error { return ErrNotSent }

// OutcomeName returns the name of an outcome or error of a [Provider], for logs,
// metrics and traces. The set of names is small and fixed.
func OutcomeName(o billing.Outcome, err error) string {
	if err == nil {
		return string(o.Status)
	}
	if busy := (*BusyError)(nil); errors.As(err, &busy) {
		return "busy"
	}
	for _, known := range []struct {
		err  error
		name string
	}{
		{ErrTooLate, "too_late"},
		{ErrNotSent, "not_sent"}, {ErrTokenUnknown, "token_unknown"}, {ErrRefused, "refused"},
		{ErrKeyConflict, "key_conflict"}, {ErrCredentials, "credentials"}, {ErrChargeNotFound, "not_found"},
		{ErrRefundNotFound, "not_found"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return OutcomeUnknown
}

// OutcomeUnknown is the name of an unknown outcome.
const OutcomeUnknown = "unknown"
