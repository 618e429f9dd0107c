package billing

import "time"

// PaymentID names a payment. It is also the idempotency key and the reference
// under which the payment system knows it, for ever: a payment that is sent
// twice is charged once.
type PaymentID string

// Payment is the intent to take money once for one period, and what became of
// it. It is stored before the payment system is asked, and holds all that the
// payment system is told, so that asking again asks for exactly the same.
type Payment struct {
	ID             PaymentID
	UserID         UserID
	SubscriptionID SubscriptionID
	MethodID       PaymentMethodID
	PaymentSystem  string
	Initiator      Initiator
	Amount         Money
	Period         Period // what the money is for

	Status        PaymentStatus
	DeclineCode   DeclineCode // when declined; when abandoned, what refused it, if known
	ProviderRef   string      // what the payment system calls it, once it said so
	ActionURL     string      // where the viewer confirms it, while it waits for that
	Contradiction string      // what the payment system says against our books; empty when they agree
	CreatedAt     time.Time
	SettledAt     time.Time // zero while pending
}

// Initiator tells who asks for the money, as the card networks want to know.
type Initiator string

// A viewer is present at a customer-initiated payment and absent (off-session)
// at a merchant-initiated one.
const (
	CustomerInitiated Initiator = "customer"
	MerchantInitiated Initiator = "merchant"
)

// PaymentStatus is where a payment stands. Pending is the only one that changes.
type PaymentStatus string

// The statuses of a payment.
const (
	PaymentPending   PaymentStatus = "pending"   // nobody here knows yet whether money moved
	PaymentSucceeded PaymentStatus = "succeeded" // the money moved
	PaymentDeclined  PaymentStatus = "declined"  // the payment system said no
	PaymentAbandoned PaymentStatus = "abandoned" // it never took the money and will not be asked again
)

// DeclineCode is why a payment system said no, in our words for all of them.
type DeclineCode string

// The decline codes that every adapter maps its own to.
const (
	InsufficientFunds      DeclineCode = "insufficient_funds"
	DoNotHonor             DeclineCode = "do_not_honor"
	GenericDecline         DeclineCode = "generic_decline"
	LimitExceeded          DeclineCode = "limit_exceeded"
	IssuerUnavailable      DeclineCode = "issuer_unavailable"
	ProcessingError        DeclineCode = "processing_error"
	BlockedByProvider      DeclineCode = "blocked_by_psp"
	CardExpired            DeclineCode = "card_expired"
	LostOrStolen           DeclineCode = "lost_or_stolen"
	SuspectedFraud         DeclineCode = "suspected_fraud"
	IncorrectNumber        DeclineCode = "incorrect_number"
	InvalidExpiry          DeclineCode = "invalid_expiry"
	NotPermitted           DeclineCode = "not_permitted"
	MandateRevoked         DeclineCode = "mandate_revoked"
	TokenInvalid           DeclineCode = "token_invalid"
	CurrencyNotSupported   DeclineCode = "currency_not_supported"
	IncorrectCVC           DeclineCode = "incorrect_cvc"
	AuthenticationRequired DeclineCode = "authentication_required"
	AuthenticationFailed   DeclineCode = "authentication_failed"
	ActionExpired          DeclineCode = "action_expired"
	DuplicateTransaction   DeclineCode = "duplicate_transaction"
	UnknownDecline         DeclineCode = "unknown"
)

// DeclineCodes returns every decline code there is.
func DeclineCodes() []DeclineCode {
	return []DeclineCode{
		InsufficientFunds, DoNotHonor, GenericDecline, LimitExceeded, IssuerUnavailable,
		ProcessingError, BlockedByProvider, CardExpired, LostOrStolen, SuspectedFraud,
		IncorrectNumber, InvalidExpiry, NotPermitted, MandateRevoked, TokenInvalid,
		CurrencyNotSupported, IncorrectCVC, AuthenticationRequired, AuthenticationFailed,
		ActionExpired, DuplicateTransaction, UnknownDecline,
	}
}

// Reasons for which a payment is abandoned, kept as its decline code.
const (
	NotSent      DeclineCode = "not_sent"      // the payment system was out of reach, or never saw it
	TokenUnknown DeclineCode = "token_unknown" // the payment system does not know the token
	Refused      DeclineCode = "refused"       // the payment system calls the request wrong
)

// MethodRemoved is why a subscription ends whose payment method is gone.
const MethodRemoved DeclineCode = "payment_method_removed"

// Outcome is what a payment system says about a payment. A decline is an
// outcome, not an error: an error means that we do not know.
type Outcome struct {
	Status      PaymentStatus
	Amount      Money       // what it took, when it succeeded
	DeclineCode DeclineCode // when declined or abandoned
	ProviderRef string
	ActionURL   string // when pending until the viewer confirms
	// Token is what the payment system will charge from now on without the
	// viewer: given when it saved a card, or put another in the place of one.
	Token Secret

	Advice     Advice        // when declined
	RetryAfter time.Duration // when declined: how long to wait at least before asking again
}

// Abandon is the outcome of a payment that the payment system never took and
// that nobody will send any more.
func Abandon(why DeclineCode) Outcome {
	return Outcome{Status: PaymentAbandoned, DeclineCode: why}
}

// Settled reports whether the payment has come to its end.
func (p Payment) Settled() bool { return p.Status != PaymentPending }

// take applies what the payment system says. The first final outcome wins; the
// same again is nothing new; any other is a contradiction, which is written
// down and changes nothing else.
func (p Payment) take(o Outcome, now time.Time) (_ Payment, settled bool) {
	if against := p.contradiction(o); against != "" {
		p.Contradiction = against
		return p, false
	}
	if p.Settled() {
		return p, false
	}
	if o.ProviderRef != "" {
		p.ProviderRef = o.ProviderRef
	}
	p.ActionURL = o.ActionURL
	switch o.Status {
	case PaymentSucceeded, PaymentDeclined, PaymentAbandoned:
	default:
		return p, false // pending, or an answer that says nothing
	}
	p.Status, p.DeclineCode, p.ActionURL, p.SettledAt = o.Status, o.DeclineCode, "", now
	p.Contradiction = ""
	return p, true
}

// contradiction says how o goes against the books, where money is concerned.
// News that is older than the books, or our own wish to give up, is none.
func (p Payment) contradiction(o Outcome) string {
	tookOther := o.Status == PaymentSucceeded && o.Amount != p.Amount
	paidAfterAll := o.Status == PaymentSucceeded && p.Settled() && p.Status != PaymentSucceeded
	notPaidAfterAll := o.Status == PaymentDeclined && p.Status == PaymentSucceeded
	switch {
	case tookOther:
		return "the payment system took " + o.Amount.String() + " instead of " + p.Amount.String()
	case paidAfterAll, notPaidAfterAll:
		return "settled as " + string(p.Status) + ", but the payment system says " + string(o.Status)
	default:
		return ""
	}
}
