package billing

import (
	"fmt"
	"strings"
	"time"
)

// Kind classifies errors by the caller's possible reaction. It is itself an
// error, for use as errors.Is(err, billing.NotFound).
//
// An error without a kind is internal: a bug, or a failure of the machine.
type Kind string

// The kinds of errors that a caller can react to.
const (
	NotFound    Kind = "not found"   // the object does not exist, or belongs to another user
	Invalid     Kind = "invalid"     // the same request can never succeed
	Conflict    Kind = "conflict"    // the current state does not allow the request
	Forbidden   Kind = "forbidden"   // the caller has no permission
	Declined    Kind = "declined"    // the payment system declined the payment
	Unavailable Kind = "unavailable" // a dependency is unavailable; try again
	Limited     Kind = "limited"     // a limit was reached; try again later
	Expired     Kind = "expired"     // it was valid once, and never will be again
)

func (k Kind) Error() string { return string(k) }

// Error is an error with a [Kind], a stable code for programs and a message for
// people. It never contains a secret.
//
// [errors.Is] treats two Errors with the same code as equal.
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

// WithMessage returns the same error with another message.
func (e *Error) WithMessage(format string, args ...any) error {
	return &Error{Kind: e.Kind, Code: e.Code, Message: fmt.Sprintf(format, args...)}
}

// The errors of this package and of the use cases. Their codes are part of the
// API.
var (
	ErrNotFound              = &Error{NotFound, "not_found", "nothing has this id"}
	ErrSubscriptionNotFound  = &Error{NotFound, "not_found", "you have no subscription with this id, and none to a plan with this code"}
	ErrPaymentNotFound       = &Error{NotFound, "not_found", "there is no such payment"}
	ErrPlanNotFound          = &Error{NotFound, "plan_not_found", "there is no such plan"}
	ErrPaymentSystemNotFound = &Error{NotFound, "payment_system_not_found", "there is no such payment system"}
	ErrCardNotFound          = &Error{NotFound, "card_not_found", "there is no such card"}
	ErrPaymentMethodNotFound = &Error{NotFound, "payment_method_not_found", "there is no such payment method"}
	ErrEndpointNotFound      = &Error{NotFound, "not_found", "there is no such endpoint"}

	ErrInvalid             = &Error{Invalid, "invalid_request", "the request is not valid"}
	ErrKeyReused           = &Error{Invalid, "idempotency_key_reused", "this Idempotency-Key was used for another request; take a new one"}
	ErrPaymentTokenUnknown = &Error{Invalid, "payment_token_unknown", "the payment system does not know this payment token; nothing was charged"}

	ErrPriceChanged             = &Error{Conflict, "price_changed", "the price has changed; nothing was charged"}
	ErrAlreadySubscribed        = &Error{Conflict, "already_subscribed", "there is a live subscription to this plan"}
	ErrPlanGroupTaken           = &Error{Conflict, "plan_group_taken", "there is a live subscription to another plan of the same group"}
	ErrInvalidTransition        = &Error{Conflict, "invalid_transition", "the state of the subscription does not allow this"}
	ErrNothingDue               = &Error{Conflict, "nothing_due", "the subscription is not past due, so nothing is due"}
	ErrPaymentOpen              = &Error{Conflict, "payment_open", "another payment for the subscription is pending; check it again in a moment"}
	ErrAlreadyGiven             = &Error{Conflict, "already_given", "the viewer has a grant from this source already"}
	ErrRefundOpen               = &Error{Conflict, "refund_open", "another refund of the payment is pending; wait until it is settled"}
	ErrRefundExceedsPayment     = &Error{Conflict, "refund_exceeds_payment", "the refunds would exceed the payment"}
	ErrOwnInstruction           = &Error{Conflict, "own_instruction", "another person must decide about your instruction"}
	ErrPaymentSystemUnavailable = &Error{Conflict, "payment_system_unavailable",
		"this payment system takes no payments here; choose another one; nothing was charged"}
	ErrNotSupported      = &Error{Conflict, "not_supported_by_payment_system", "the payment system does not support this; nothing was charged"}
	ErrRequestInProgress = &Error{Conflict, "request_in_progress", "the first request with this Idempotency-Key is still running; try again in a moment"}
	ErrAlreadyExists     = &Error{Conflict, "already_exists", "it already exists"}

	ErrPaymentDeclined = &Error{Declined, "payment_declined", "the payment system declined the payment"}

	ErrCursorExpired = &Error{Expired, "cursor_expired",
		"the database was restored, or another server took over, since this cursor was returned; begin again with from, a little before the last event that you have"}

	ErrRateLimited = &Error{Limited, "rate_limited", "too many requests; try again later"}
	ErrUnavailable = &Error{Unavailable, "unavailable", "the service cannot do this right now; try again"}
)

// PriceChangedError reports that the price or the interval that a viewer agreed to
// is not the plan's current one. It is [ErrPriceChanged].
type PriceChangedError struct {
	Plan           string // the plan's code
	Shown, Current Money

	ShownMonths, CurrentMonths int // the interval; ShownMonths is 0 if the viewer's request does not name it

	Agreed bool // Current is the price of a subscription, not the plan's
}

func (e *PriceChangedError) Error() string {
	subject, when := "plan "+e.Plan, " today"
	if e.Agreed {
		subject, when = "the subscription to plan "+e.Plan, ""
	}
	if e.ShownMonths != 0 && e.ShownMonths != e.CurrentMonths {
		return fmt.Sprintf("%s costs %s for %s%s, not %s for %s; nothing was charged",
			subject, e.Current, months(e.CurrentMonths), when, e.Shown, months(e.ShownMonths))
	}
	return fmt.Sprintf("%s costs %s%s, not %s; nothing was charged", subject, e.Current, when, e.Shown)
}

func months(n int) string {
	if n == 1 {
		return "1 month"
	}
	return fmt.Sprintf("%d months", n)
}

// Unwrap returns [ErrPriceChanged].
func (e *PriceChangedError) Unwrap() error { return ErrPriceChanged }

// PaymentOpenError is [ErrPaymentOpen] with the page of the pending payment, which is empty
// if it does not wait for the viewer.
type PaymentOpenError struct {
	ActionURL       string
	ActionExpiresAt time.Time // see [Payment]
}

func (e *PaymentOpenError) Error() string {
	if e.ActionURL == "" {
		return ErrPaymentOpen.Message
	}
	return "another payment for the subscription waits for your confirmation; confirm or decline it first"
}

// Unwrap returns [ErrPaymentOpen].
func (e *PaymentOpenError) Unwrap() error { return ErrPaymentOpen }

// DeclinedError reports a declined payment and its decline code. It is
// [ErrPaymentDeclined].
type DeclinedError struct {
	Payment PaymentID
	Code    DeclineCode
}

func (e *DeclinedError) Error() string {
	return fmt.Sprintf("the payment was declined: %s", strings.ReplaceAll(string(e.Code), "_", " "))
}

// Unwrap returns [ErrPaymentDeclined].
func (e *DeclinedError) Unwrap() error { return ErrPaymentDeclined }
