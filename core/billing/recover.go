package billing

import (
	"cmp"
	"time"
)

// PayRequest is a viewer's request to pay for the period that is past due, with the id
// for the new payment.
type PayRequest struct {
	Payment      PaymentID
	Method       PaymentMethod
	Shown        Money  // the price that the viewer saw and agreed to
	ShownMonths  int    // the interval that the viewer saw; 0 if the request does not name it
	TermsVersion string // of the terms of use that the viewer saw; empty if the request does not name it
}

// Pay returns the viewer's own payment for the period that is past due, pending, at the
// agreed price, with the event of the viewer's new agreement to it. The payment changes
// the dates of the subscription only if it succeeds: a decline does not shorten the grace,
// and a page that stays open does not extend it. If it succeeds, its method becomes the
// method of the subscription.
//
// If that is another method than the subscription's, the caller must sign the consent of
// the payment to [Subscription.WithMethod].
//
// The errors are those of [Subscription.RefusePay].
func (s Subscription) Pay(r PayRequest, cal Calendar, now time.Time) (Subscription, Payment, []Event, error) {
	if err := s.RefusePay(r); err != nil {
		return s, Payment{}, nil, err
	}
	period := cal.Next(s.AnchorAt, s.IntervalMonths, s.Current.End, s.PastDueSince)
	p := s.WithMethod(r.Method).intent(r.Payment, CustomerInitiated, period, now)
	s.Charging, s.LatestPaymentID = true, r.Payment
	return s, p, []Event{s.agreed(p, r.TermsVersion)}, nil
}

// RefusePay returns why the viewer cannot pay, whatever the method, or nil. Errors:
//
//	ErrNothingDue         the subscription is not past due
//	ErrInvalidTransition  its plan is being ended
//	ErrInvalid            the version of the terms is too long, or must not be kept
//	*PriceChangedError    the viewer saw another price or interval than the agreed one
//	ErrPaymentOpen        another payment for it is pending; nothing else prevents the payment
func (s Subscription) RefusePay(r PayRequest) error {
	switch {
	case s.Given() && s.Live():
		return ErrNothingDue.WithMessage("nothing is due: %s", s.givenAdvice())
	case s.Status != StatusPastDue:
		return ErrNothingDue.WithMessage("the subscription to plan %s is %s, not past due, so nothing is due", s.PlanCode, s.Status)
	}
	if err := cmp.Or(s.refuseEnding(), checkTermsVersion(r.TermsVersion)); err != nil {
		return err
	}
	if err := checkShown(s.PlanCode, s.Price, r.Shown, s.IntervalMonths, r.ShownMonths); err != nil {
		err.Agreed = true
		return err
	}
	if s.Charging {
		return ErrPaymentOpen
	}
	return nil
}

// Recovers reports whether p is a payment that [Subscription.Pay] returned. Any other
// payment is the first one or a renewal.
func (s Subscription) Recovers(p Payment) bool {
	return p.Initiator == CustomerInitiated && !s.StartedAt.IsZero() && p.Period.Start.After(s.StartedAt)
}

// WithMethod returns the subscription with m as its method, and without a consent to it.
func (s Subscription) WithMethod(m PaymentMethod) Subscription {
	s.MethodID, s.PaymentSystem, s.ConsentMAC = m.ID, m.PaymentSystem, ""
	return s
}

// Replace makes m the method of all later renewals. It charges nothing itself. A
// subscription that is past due becomes due now, and its hold ends. If m is another
// method than before, the caller must sign the consent to it.
//
// Replacing a method by itself changes nothing, unless the subscription is on hold.
//
// Errors:
//
//	ErrInvalidTransition  the subscription has ended or is a given one, its first payment is
//	                      pending, or its plan is being ended, so that no renewal follows
//	ErrPaymentOpen        a payment by the method before is pending
func (s Subscription) Replace(m PaymentMethod, now time.Time) (Subscription, []Event, error) {
	switch {
	case s.Status == StatusEnded:
		return s, nil, ErrInvalidTransition.WithMessage("the subscription has ended; subscribe again instead")
	case s.Given():
		return s, nil, s.refuseGiven()
	case s.Status == StatusIncomplete:
		return s, nil, ErrInvalidTransition.WithMessage("the first payment of the subscription is being settled; try again in a minute")
	case s.MethodID == m.ID && s.Hold == "":
		return s, nil, nil
	case s.PlanEnding:
		return s, nil, s.refuseEnding()
	case s.Charging:
		return s, nil, ErrPaymentOpen
	}
	if s.MethodID != m.ID {
		s = s.WithMethod(m)
	}
	if s.Status == StatusPastDue {
		s.NextChargeAt, s.Hold = now, ""
	}
	return s, []Event{s.event(EventMethodReplaced, now)}, nil
}

// Retry makes the next try of a declined renewal due now. Later tries stay on schedule. It
// charges nothing itself. Errors:
//
//	ErrNothingDue         the subscription is not past due
//	ErrInvalidTransition  it is on hold, so a try cannot succeed before the viewer acts, or
//	                      its plan is being ended
//	ErrPaymentOpen        a payment for it is pending
func (s Subscription) Retry(now time.Time) (Subscription, []Event, error) {
	switch {
	case s.Status != StatusPastDue:
		return s, nil, ErrNothingDue.WithMessage("the subscription is %s, not past due, so there is nothing to try again", s.Status)
	case s.PlanEnding:
		return s, nil, s.refuseEnding()
	case s.Hold != "":
		return s, nil, ErrInvalidTransition.WithMessage("the subscription is on hold (%s): only the viewer can help, with another payment method or a confirmation", s.Hold)
	case s.Charging:
		return s, nil, ErrPaymentOpen
	case !now.Before(s.NextChargeAt):
		return s, nil, nil
	}
	s.NextChargeAt = now
	e := s.event(EventRetryRequested, now)
	e.RetryAt = now
	return s, []Event{e}, nil
}

// NextAction is the kind of help that a viewer can give.
type NextAction string

// The kinds of help. The empty one means that nothing is to be done.
const (
	NoAction             NextAction = ""
	ConfirmPayment       NextAction = "confirm_payment"        // pay with the same method, and confirm it with the bank
	ReplacePaymentMethod NextAction = "replace_payment_method" // the method cannot be charged any more
	AddReceiptContact    NextAction = "add_receipt_contact"    // pay, or choose the same method again, with a contact for receipts
)

// NextAction returns the way out of a hold.
func (s Subscription) NextAction() NextAction {
	switch s.Hold {
	case "":
		return NoAction
	case AuthenticationRequired, AuthenticationFailed, ActionExpired:
		return ConfirmPayment
	case ReceiptContactMissing:
		return AddReceiptContact
	default:
		return ReplacePaymentMethod
	}
}
