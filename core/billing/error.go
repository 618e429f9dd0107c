package billing

import (
	"fmt"
	"strings"
)

// Kind says what sort of failure an error is, and so what a caller can do
// about it. It is an error itself: errors.Is(err, billing.NotFound).
//
// An error of no kind is internal: a fault of ours or of the machine.
type Kind string

// The kinds of failure that a caller can act on.
const (
	NotFound    Kind = "not found"   // the thing named is not there, or is not the caller's
	Invalid     Kind = "invalid"     // the request can never succeed as it is
	Conflict    Kind = "conflict"    // the state of things forbids it now
	Forbidden   Kind = "forbidden"   // the caller may not do this
	Declined    Kind = "declined"    // the payment system said no
	Unavailable Kind = "unavailable" // something we need is out of reach; try again
	Limited     Kind = "limited"     // too much of it; try again later
)

func (k Kind) Error() string { return string(k) }

// Error is a failure of a [Kind], with a code that programs can rely on and a
// message for the person who meets it. It never holds a secret.
//
// Two errors with the same code are the same error to [errors.Is].
type Error struct {
	Kind    Kind
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Is reports whether target is an [Error] with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// WithMessage returns the same error with a message of its own.
func (e *Error) WithMessage(format string, args ...any) error {
	return &Error{Kind: e.Kind, Code: e.Code, Message: fmt.Sprintf(format, args...)}
}

// Every failure that the rules know by name. The codes are those of the API.
var (
	ErrNotFound              = &Error{NotFound, "not_found", "there is no such thing"}
	ErrPlanNotFound          = &Error{NotFound, "plan_not_found", "there is no such plan"}
	ErrPaymentSystemNotFound = &Error{NotFound, "payment_system_not_found", "there is no such payment system"}
	ErrCardNotFound          = &Error{NotFound, "card_not_found", "there is no such card"}

	ErrInvalid             = &Error{Invalid, "invalid_request", "the request is not valid"}
	ErrKeyReused           = &Error{Invalid, "idempotency_key_reused", "this Idempotency-Key was used for another request; take a new one"}
	ErrPaymentTokenUnknown = &Error{Invalid, "payment_token_unknown", "the payment system does not know this payment token; nothing was charged"}

	ErrPriceChanged      = &Error{Conflict, "price_changed", "the price is not today's price; nothing was charged"}
	ErrAlreadySubscribed = &Error{Conflict, "already_subscribed", "there is a live subscription to this plan"}
	ErrInvalidTransition = &Error{Conflict, "invalid_transition", "the subscription is in no state for this"}
	ErrRequestInProgress = &Error{Conflict, "request_in_progress", "the first request with this Idempotency-Key is still running; ask again in a moment"}
	ErrAlreadyExists     = &Error{Conflict, "already_exists", "there is one already"}

	ErrPaymentDeclined = &Error{Declined, "payment_declined", "the payment system declined the payment"}

	ErrRateLimited = &Error{Limited, "rate_limited", "too many requests; try again later"}
	ErrUnavailable = &Error{Unavailable, "unavailable", "the service cannot do this right now; try again"}
)

// PriceChangedError says what the plan costs today. It is [ErrPriceChanged].
type PriceChangedError struct {
	Plan           string // the plan's code
	Shown, Current Money
}

func (e *PriceChangedError) Error() string {
	return fmt.Sprintf("plan %s costs %s today, not %s; nothing was charged", e.Plan, e.Current, e.Shown)
}

// Unwrap returns [ErrPriceChanged].
func (e *PriceChangedError) Unwrap() error { return ErrPriceChanged }

// DeclinedError says why a payment was declined. It is [ErrPaymentDeclined].
type DeclinedError struct {
	Payment PaymentID
	Code    DeclineCode
}

func (e *DeclinedError) Error() string {
	return fmt.Sprintf("the payment was declined: %s", strings.ReplaceAll(string(e.Code), "_", " "))
}

// Unwrap returns [ErrPaymentDeclined].
func (e *DeclinedError) Unwrap() error { return ErrPaymentDeclined }

// Fault is one thing wrong with one field of a request.
type Fault struct{ Field, Message string }

// InvalidError lists all that is wrong with a request. It is [ErrInvalid].
type InvalidError struct{ Faults []Fault }

func (e *InvalidError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Field + ": " + f.Message
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns [ErrInvalid].
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// faults collects what is wrong, so that everything is told at once.
type faults []Fault

func (f *faults) add(ok bool, field, message string) {
	if !ok {
		*f = append(*f, Fault{field, message})
	}
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &InvalidError{Faults: f}
}
