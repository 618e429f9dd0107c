package billing

import "time"

// PaymentID identifies a payment. It is also the permanent idempotency key at the
// payment system: a payment that is sent twice is charged once.
type PaymentID string

// Payment is the intent to take money once for one period, and its outcome. It
// is stored before it is sent to the payment system. It holds every value of the
// charge request, so that sending it again repeats the request exactly. The page to which
// a viewer returns is not stored, because a viewer's own payment is never sent again.
type Payment struct {
	ID             PaymentID
	UserID         UserID
	SubscriptionID SubscriptionID
	MethodID       PaymentMethodID
	PaymentSystem  string
	Initiator      Initiator
	Amount         Money
	Period         Period     // the period that it pays for
	ConsentMAC     ConsentMAC // of the terms that it brings if it succeeds; empty if it is on its subscription's terms

	Status          PaymentStatus
	DeclineCode     DeclineCode // why it was declined or abandoned
	ProviderRef     string      // the payment system's id of the payment, once known
	ActionURL       string      // page where the viewer confirms the payment; empty if none is needed
	ActionExpiresAt time.Time   // when that page expires; zero if the payment system does not say
	Contradiction   string      // how the payment system's report differs from this payment; empty if it agrees
	ReviewSince     time.Time   // since when only a person can find out the outcome; zero if a lookup can
	CreatedAt       time.Time
	SettledAt       time.Time // zero while pending

	Refunded      int64     // minor units of the amount that refunds have reserved
	ChargedLateAt time.Time // when the service learnt that it was charged after it had been given up; zero if it was not
}

// Initiator is the party that initiates a payment, in the sense of the card
// networks.
type Initiator string

// The viewer is present at a customer-initiated payment, and absent (off-session)
// at a merchant-initiated one.
const (
	CustomerInitiated Initiator = "customer"
	MerchantInitiated Initiator = "merchant"
)

// PaymentStatus is the status of a payment. All but pending are final.
type PaymentStatus string

// The statuses of a payment.
const (
	PaymentPending   PaymentStatus = "pending"   // the outcome is not known yet
	PaymentSucceeded PaymentStatus = "succeeded" // the money moved
	PaymentDeclined  PaymentStatus = "declined"  // the payment system refused
	PaymentAbandoned PaymentStatus = "abandoned" // it took no money, and the payment is not sent again
)

// DeclineCode is the reason for a decline, independent of the payment system.
type DeclineCode string

// The decline codes. Each adapter maps the codes of its payment system to these.
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

// DeclineCodes returns all decline codes.
func DeclineCodes() []DeclineCode {
	return []DeclineCode{
		InsufficientFunds, DoNotHonor, GenericDecline, LimitExceeded, IssuerUnavailable,
		ProcessingError, BlockedByProvider, CardExpired, LostOrStolen, SuspectedFraud,
		IncorrectNumber, InvalidExpiry, NotPermitted, MandateRevoked, TokenInvalid,
		CurrencyNotSupported, IncorrectCVC, AuthenticationRequired, AuthenticationFailed,
		ActionExpired, DuplicateTransaction, UnknownDecline,
	}
}

// The reasons for abandoning a payment. They are stored as its decline code.
const (
	NotSent      DeclineCode = "not_sent"      // the payment system was unavailable, or never received it
	TokenUnknown DeclineCode = "token_unknown" // the payment system does not know the token
	Refused      DeclineCode = "refused"       // the payment system rejected the request as invalid
	// ReceiptContactMissing means that the payment system needs a receipt, and that the viewer
	// has given no contact for it. The payment was not sent.
	ReceiptContactMissing DeclineCode = "receipt_contact_missing"
	// Postponed means that the payment system refused the charge, and probably for a
	// fault of the service: see [DeclineCode.MayBeOurs]. The renewal stays due.
	Postponed DeclineCode = "postponed"
)

// The reasons for which a subscription is cancelled or ends because nothing can renew it.
const (
	MethodRemoved  DeclineCode = "payment_method_removed"   // the viewer removed it
	MethodNotSaved DeclineCode = "payment_method_not_saved" // the payment system did not save the card
	PlanEnded      DeclineCode = "plan_ended"               // an operator ended the plan for all subscribers
)

// Outcome is a payment system's report about a payment. A decline is an outcome,
// not an error. An error means that the outcome is unknown.
type Outcome struct {
	Status          PaymentStatus
	Amount          Money       // the amount taken; if it succeeded
	DeclineCode     DeclineCode // if it was declined or abandoned
	ProviderRef     string
	ActionURL       string    // if it is pending until the viewer confirms
	ActionExpiresAt time.Time // when that page expires; zero if the payment system does not say
	// Token charges the card from now on without the viewer. It is set if the
	// payment system saved a card, or replaced its token.
	Token Secret

	Advice     Advice        // if it was declined
	RetryAfter time.Duration // if it was declined: minimum wait before the next try

	Receipt ReceiptStatus // of the receipt; empty if the payment system does not say
}

// Abandon returns the outcome of a payment that took no money and will not be
// sent again.
func Abandon(reason DeclineCode) Outcome {
	return Outcome{Status: PaymentAbandoned, DeclineCode: reason}
}

// Decide returns the outcome of the payment that a person has found out:
//
//	PaymentSucceeded  the payment system took the amount of the payment
//	PaymentDeclined   it refused; a renewal is retried on schedule
//	PaymentAbandoned  it took no money; a renewal is due again at once, as a new payment
//
// It returns an [InvalidError] for any other status.
func (p Payment) Decide(as PaymentStatus) (Outcome, error) {
	switch as {
	case PaymentSucceeded:
		return Outcome{Status: as, Amount: p.Amount}, nil
	case PaymentDeclined:
		return Outcome{Status: as, DeclineCode: GenericDecline}, nil
	case PaymentAbandoned:
		return Abandon(NotSent), nil
	default:
		return Outcome{}, &InvalidError{Faults: []Fault{{Field: "as", Message: "must be succeeded, declined or abandoned"}}}
	}
}

// Settled reports whether the payment has a final status.
func (p Payment) Settled() bool { return p.Status != PaymentPending }

// applyOutcome returns the payment with o applied, and whether that settled it for its
// subscription. The first final outcome wins. The same outcome again changes nothing. A
// different one is recorded as a contradiction. The subscription gets nothing for a charge
// that came too late, which must be refunded: see [Subscription.RefundLate].
func (p Payment) applyOutcome(o Outcome, s Subscription, now time.Time) (_ Payment, settled bool) {
	if text := p.contradiction(o, s); text != "" {
		p.Contradiction = text
		if p.ChargedLateAt.IsZero() && p.chargedLate(o, s) {
			p = p.lateCharge(o, now)
		}
		return p, false
	}
	if p.Settled() {
		return p, false
	}
	if o.ProviderRef != "" {
		p.ProviderRef = o.ProviderRef
	}
	if p.ReviewSince.IsZero() {
		p.ActionURL, p.ActionExpiresAt = o.ActionURL, o.ActionExpiresAt
	}
	switch o.Status {
	case PaymentSucceeded, PaymentDeclined, PaymentAbandoned:
	default:
		return p, false // pending, or a status that this package does not know
	}
	p = p.withoutPage()
	p.Status, p.DeclineCode, p.SettledAt = o.Status, o.DeclineCode, now
	p.Contradiction = ""
	return p, true
}

// chargedLate reports whether o says that the exact amount was charged after the payment
// was given up, by its status or by the end of its subscription: see [Subscription.Review].
func (p Payment) chargedLate(o Outcome, s Subscription) bool {
	givenUp := p.Settled() && p.Status != PaymentSucceeded || !p.Settled() && !s.Live()
	return givenUp && o.Status == PaymentSucceeded && o.Amount == p.Amount
}

// lateCharge returns the payment after it was charged too late. A pending payment succeeds,
// so that it is not looked up any more. A settled one keeps its status.
func (p Payment) lateCharge(o Outcome, now time.Time) Payment {
	p.ChargedLateAt = now
	if o.ProviderRef != "" {
		p.ProviderRef = o.ProviderRef
	}
	if !p.Settled() {
		p = p.withoutPage()
		p.Status, p.DeclineCode, p.SettledAt = PaymentSucceeded, "", now
	}
	return p
}

// withoutPage returns the payment without a page for the viewer.
func (p Payment) withoutPage() Payment {
	p.ActionURL, p.ActionExpiresAt = "", time.Time{}
	return p
}

// contradiction describes how o contradicts the payment or its subscription, or returns
// "". Only a difference about money counts: an older report, or a later Abandon, does not.
// Terms that changed after the payment do not count either.
func (p Payment) contradiction(o Outcome, s Subscription) string {
	otherAmount := o.Status == PaymentSucceeded && o.Amount != p.Amount
	paidLater := o.Status == PaymentSucceeded && p.Settled() && p.Status != PaymentSucceeded
	declinedLater := o.Status == PaymentDeclined && p.Status == PaymentSucceeded
	difference := s.Terms().Difference(p)
	switch {
	case otherAmount:
		return "the payment system took " + o.Amount.String() + " instead of " + p.Amount.String()
	case paidLater, declinedLater:
		return "settled as " + string(p.Status) + ", but the payment system says " + string(o.Status)
	case o.Status == PaymentSucceeded && !p.Settled() && !s.Live():
		return "the payment was charged, although its subscription had ended"
	case o.Status == PaymentSucceeded && !p.Settled() && difference != "":
		return "the payment was charged, although " + difference
	default:
		return ""
	}
}
