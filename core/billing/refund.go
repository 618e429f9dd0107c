package billing

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// RefundID identifies a refund. It is also the permanent idempotency key at the payment
// system: a refund that is sent twice is paid back once.
type RefundID string

// Refund is the intent to pay money of one payment back, and its outcome. It is stored
// before it is sent to the payment system, and its amount is reserved in the payment.
type Refund struct {
	ID             RefundID
	UserID         UserID
	PaymentID      PaymentID
	SubscriptionID SubscriptionID
	PaymentSystem  string
	Amount         Money
	EndNow         bool   // the subscription ends before the refund is sent
	By             string // the name of an operator, [ByService] or [ByProvider]
	Reason         string

	Status      PaymentStatus
	DeclineCode DeclineCode // why it was declined or abandoned
	ProviderRef string      // the payment system's id of the refund, once known
	ReviewSince time.Time   // since when only a person can find out the outcome; zero if a lookup can
	CreatedAt   time.Time
	SettledAt   time.Time // zero while pending
}

// The authors of refunds that no operator requested.
const (
	ByService  = "billing"        // a rule of the service
	ByProvider = "payment system" // a person in the payment system's own panel
)

// MaxReason is the longest reason of an operator, in characters.
const MaxReason = 500

// RefundRequest is a request to pay money of a payment back, with the id for the refund.
type RefundRequest struct {
	ID      RefundID
	Payment Payment // locked
	Amount  Money   // zero for everything that is not refunded yet
	EndNow  bool    // the subscription of the payment ends too
	By      string
	Reason  string // 1 to [MaxReason] characters
}

// Check returns an [InvalidError] with a fault for each field that is not valid.
func (r RefundRequest) Check() error {
	var f faults
	if r.Amount != (Money{}) {
		f.add(r.Amount.Amount > 0, "amount", "must be above 0")
	}
	f.addReason(r.Reason)
	return f.err()
}

// CheckReason returns an [InvalidError] unless reason can be kept for ever as the reason
// of an operator's decision.
func CheckReason(reason string) error {
	var f faults
	f.addReason(reason)
	return f.err()
}

func (f *faults) addReason(reason string) { f.addText("reason", reason) }

// addText checks a text of an operator that is kept for ever.
func (f *faults) addText(field, text string) {
	n := utf8.RuneCountInString(strings.TrimSpace(text))
	f.add(n > 0 && n <= MaxReason && utf8.ValidString(text), field, fmt.Sprintf("must have 1 to %d characters", MaxReason))
	f.add(!HoldsCardNumber(text), field, "must not contain a card number")
}

// Charged reports whether the payment system took the money of the payment. It took the
// money of a payment with another status than succeeded too late.
func (p Payment) Charged() bool { return p.Status == PaymentSucceeded || !p.ChargedLateAt.IsZero() }

// Refundable returns the part of the amount that no refund has reserved.
func (p Payment) Refundable() Money {
	if !p.Charged() {
		return Money{Currency: p.Amount.Currency}
	}
	return Money{Amount: p.Amount.Amount - p.Refunded, Currency: p.Amount.Currency}
}

// Unused returns the part of the amount that stands for the unused days of the period, and
// at most [Payment.Refundable]. Today counts as unused, and the amount is rounded up, both
// in favour of the viewer. Days are counted in the time zone of the calendar.
func (p Payment) Unused(cal Calendar, now time.Time) Money {
	total := cal.days(p.Period.Start, p.Period.End)
	left := min(max(cal.days(now, p.Period.End), 0), total)
	unused := p.Refundable()
	unused.Amount = min(unused.Amount, shareUp(p.Amount.Amount, left, total))
	return unused
}

// shareUp returns amount × part ÷ whole, rounded up. The division comes first, because the
// product can be too large. Periods have at least a day, so whole is above 0.
func shareUp(amount int64, part, whole int) int64 {
	p, w := int64(part), int64(whole)
	return amount/w*p + (amount%w*p+w-1)/w
}

// Refund opens a refund of a payment of the subscription. It returns the subscription, the
// payment with the amount reserved, the refund and the events.
//
// Without EndNow the viewer keeps the access. With EndNow the subscription ends at once.
// While a payment for it is pending, it is cancelled, and [Subscription.SendRefund] ends it
// when that payment is settled. Errors:
//
//	ErrInvalid              the amount or the reason is not valid
//	ErrInvalidTransition    the payment system has not taken the money of the payment
//	ErrRefundExceedsPayment less is left of the payment than the amount
func (s Subscription) Refund(r RefundRequest, now time.Time) (Subscription, Payment, Refund, []Event, error) {
	p := r.Payment
	amount, err := r.amount()
	if err != nil {
		return s, p, Refund{}, nil, err
	}
	var events []Event
	if r.EndNow && s.Live() {
		at := AtOnce
		if s.Charging {
			at = AtPeriodEnd
		}
		if s, events, err = s.Cancel(at, now); err != nil {
			return s, p, Refund{}, nil, err
		}
	}
	refund := p.refund(r.ID, amount, now)
	refund.EndNow, refund.By, refund.Reason = r.EndNow, r.By, strings.TrimSpace(r.Reason)
	p.Refunded += amount.Amount
	return s, p, refund, append([]Event{s.refundEvent(EventRefundRequested, refund, now)}, events...), nil
}

// amount returns the amount of the request, or why it cannot be refunded.
func (r RefundRequest) amount() (Money, error) {
	p := r.Payment
	if err := r.Check(); err != nil {
		return Money{}, err
	}
	left := p.Refundable()
	amount := r.Amount
	if amount == (Money{}) {
		amount = left
	}
	switch {
	case !p.Charged():
		return amount, ErrInvalidTransition.WithMessage("the payment is %s, so there is no money to pay back", p.Status)
	case amount.Currency != p.Amount.Currency:
		return amount, &InvalidError{Faults: []Fault{{Field: "amount", Message: "must be in " + string(p.Amount.Currency)}}}
	case amount.Amount > left.Amount || left.Amount == 0:
		return amount, ErrRefundExceedsPayment.WithMessage("of the payment of %s, %s can still be refunded", p.Amount, left)
	}
	return amount, nil
}

// refund returns a pending refund of the payment.
func (p Payment) refund(id RefundID, amount Money, now time.Time) Refund {
	return Refund{
		ID: id, UserID: p.UserID, PaymentID: p.ID, SubscriptionID: p.SubscriptionID, PaymentSystem: p.PaymentSystem,
		Amount: amount, Status: PaymentPending, CreatedAt: now,
	}
}

// RefundLate opens the refund of a payment that the payment system charged after the
// service had given it up: see [Payment.ChargedLateAt]. Nothing was delivered for it, so
// the whole amount goes back, even if the viewer has subscribed again. The id of the refund
// depends on the payment only, so that two processes open the same refund. It returns false
// if nothing is left to refund.
func (s Subscription) RefundLate(p Payment, now time.Time) (Payment, Refund, []Event, bool) {
	left := p.Refundable()
	if p.ChargedLateAt.IsZero() || left.Amount == 0 {
		return p, Refund{}, nil, false
	}
	r := p.refund(stableRefundID("late", string(p.ID)), left, now)
	r.By, r.Reason = ByService, "charged after it was given up"
	p.Refunded += left.Amount
	return p, r, []Event{s.refundEvent(EventRefundRequested, r, now)}, true
}

// SendRefund returns what must be stored before a refund is sent for the first time. wait
// reports that it must not be sent yet: the subscription must end first, and a payment for
// it is pending. latest is the latest payment of the subscription.
//
// If latest was paid after the refund was requested, the viewer was charged for a
// subscription that the operator had ended. Its whole amount goes back too: extra is its
// refund, whose id depends on both, or nil.
func (s Subscription) SendRefund(r Refund, latest Payment, now time.Time) (_ Subscription, extra *Refund, _ []Event, wait bool) {
	if !r.EndNow {
		return s, nil, nil, false
	}
	if s.Charging {
		return s, nil, nil, true
	}
	var events []Event
	if s.Live() {
		s, events, _ = s.Cancel(AtOnce, now) // fails only for an ended subscription, or one with a pending payment
	}
	left := latest.Refundable()
	if latest.ID == r.PaymentID || latest.Status != PaymentSucceeded || latest.SettledAt.Before(r.CreatedAt) || left.Amount == 0 {
		return s, nil, events, false
	}
	more := latest.refund(stableRefundID(string(r.ID), string(latest.ID)), left, now)
	more.By, more.Reason = r.By, r.Reason
	return s, &more, append(events, s.refundEvent(EventRefundRequested, more, now)), false
}

// RecordedRefund returns a refund that was made in the payment system's own panel, with the
// amount reserved in the payment. It changes no access. The id of the refund depends on its
// reference there only. It returns [ErrRefundExceedsPayment] if the refunds together exceed
// the payment.
func (s Subscription) RecordedRefund(p Payment, ref string, amount Money, at, now time.Time) (Payment, Refund, []Event, error) {
	if left := p.Refundable(); amount.Currency != left.Currency || amount.Amount > left.Amount {
		return p, Refund{}, nil, ErrRefundExceedsPayment.WithMessage(
			"payment %s: the payment system refunded %s, but of its %s only %s can still be refunded", p.ID, amount, p.Amount, left)
	}
	r := p.refund(stableRefundID(p.PaymentSystem, ref), amount, at)
	r.By, r.Reason, r.ProviderRef = ByProvider, "made at the payment system", ref
	r.Status, r.SettledAt = PaymentSucceeded, at
	p.Refunded += amount.Amount
	return p, r, []Event{s.refundEvent(EventRefunded, r, now)}, nil
}

// stableRefundID returns a UUID (version 8, RFC 9562) that depends on the texts only.
func stableRefundID(texts ...string) RefundID {
	sum := sha256.Sum256(fmt.Appendf(nil, "refund %q", texts))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return RefundID(fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
}

// Settled reports whether the refund has a status other than pending. Even a refund that
// succeeded can be declined later.
func (r Refund) Settled() bool { return r.Status != PaymentPending }

// NeedsReview reports whether a person must decide on the refund.
func (r Refund) NeedsReview() bool { return !r.Settled() && !r.ReviewSince.IsZero() }

// Reserves reports whether the amount of the refund is reserved in its payment.
func (r Refund) Reserves() bool { return r.Status == PaymentPending || r.Status == PaymentSucceeded }

// RefundOutcome is a payment system's report about a refund. An error means that the
// outcome is unknown.
type RefundOutcome struct {
	Status      PaymentStatus
	DeclineCode DeclineCode // if it was declined or abandoned
	ProviderRef string
	Receipt     ReceiptStatus // as that of [Outcome]
}

// Clean returns o with texts that every store can keep: see [Outcome.Clean].
func (o RefundOutcome) Clean() RefundOutcome {
	clean, _ := Outcome{DeclineCode: o.DeclineCode, ProviderRef: o.ProviderRef}.Clean()
	o.DeclineCode, o.ProviderRef = clean.DeclineCode, clean.ProviderRef
	return o
}

// SettleRefund applies the outcome of a refund. The same outcome again changes nothing. A
// refund that succeeded becomes declined if the payment system takes it back later. A
// refund that was declined or abandoned stays so: its amount can be refunded again.
func (s Subscription) SettleRefund(r Refund, o RefundOutcome, now time.Time) (Refund, []Event) {
	if o.ProviderRef != "" && r.Reserves() {
		r.ProviderRef = o.ProviderRef
	}
	switch {
	case r.Status == PaymentPending && o.Status == PaymentSucceeded:
		r.Status, r.DeclineCode, r.SettledAt = PaymentSucceeded, "", now
		return r, []Event{s.refundEvent(EventRefunded, r, now)}
	case r.Status == PaymentPending && (o.Status == PaymentDeclined || o.Status == PaymentAbandoned),
		r.Status == PaymentSucceeded && o.Status == PaymentDeclined:
		r.Status, r.DeclineCode, r.SettledAt = o.Status, o.DeclineCode, now
		return r, []Event{s.refundEvent(EventRefundFailed, r, now)}
	default:
		return r, nil
	}
}

// ReviewRefund lets a pending refund wait for a person, because the payment system may
// have forgotten its key. It is never sent again. The event is added once.
func (s Subscription) ReviewRefund(r Refund, now time.Time) (Refund, []Event) {
	if r.Settled() || !r.ReviewSince.IsZero() {
		return r, nil
	}
	r.ReviewSince = now
	return r, []Event{s.refundEvent(EventRefundNeedsReview, r, now)}
}

// Decide returns the outcome of the refund that a person has found out: succeeded,
// declined or abandoned. It returns an [InvalidError] for any other status.
func (r Refund) Decide(as PaymentStatus) (RefundOutcome, error) {
	o, err := Payment{Amount: r.Amount}.Decide(as)
	return RefundOutcome{Status: o.Status, DeclineCode: o.DeclineCode}, err
}

func (s Subscription) refundEvent(t EventType, r Refund, at time.Time) Event {
	e := s.event(t, at)
	e.PaymentID, e.Amount, e.DeclineCode = r.PaymentID, r.Amount, r.DeclineCode
	return e
}
