package billing

import (
	"cmp"
	"time"
)

// CancelAt is the time at which a cancel takes effect.
type CancelAt string

// With AtPeriodEnd the viewer keeps access until the paid period ends. With AtOnce
// access ends immediately.
const (
	AtPeriodEnd CancelAt = "period_end"
	AtOnce      CancelAt = "now"
)

// Cancel stops future charges and ends the subscription, at the end of its period
// or immediately. A subscription that is past due, or whose period is over, ends
// immediately in both cases. Cancelling again changes nothing.
//
// It returns [ErrInvalidTransition] if the subscription has ended, and for AtOnce
// while a payment is pending.
func (s Subscription) Cancel(at CancelAt, now time.Time) (Subscription, []Event, error) {
	switch {
	case s.Status == StatusEnded:
		return s, nil, ErrInvalidTransition.WithMessage("the subscription has ended; there is nothing to cancel")
	case at == AtOnce && s.Charging:
		return s, nil, ErrInvalidTransition.WithMessage(
			"a payment is being settled at this moment; cancel at the period's end, or try again in a minute")
	case at == AtOnce, !s.Charging && !now.Before(s.Current.End):
		requested := s.event(EventCancelRequested, now)
		requested.AccessUntil = time.Time{}
		s = s.ended(now)
		return s, []Event{requested, s.event(EventEnded, now)}, nil
	case s.CancelAtPeriodEnd:
		return s, nil, nil
	default:
		s.CancelAtPeriodEnd = true
		return s, []Event{s.event(EventCancelRequested, now)}, nil
	}
}

// StopRenewal cancels a subscription that nothing can renew, at the end of its period: its
// payment method cannot be charged any more, or its plan is being ended. A subscription that
// is past due, or whose period is over, ends immediately. The events have the reason as their
// decline code. If the subscription is cancelled already or has ended, StopRenewal changes
// nothing.
func (s Subscription) StopRenewal(reason DeclineCode, now time.Time) (Subscription, []Event) {
	s, events := s.At(now)
	if !s.Live() || s.CancelAtPeriodEnd {
		return s, events
	}
	s, events, _ = s.Cancel(AtPeriodEnd, now) // fails only for an ended subscription
	for i := range events {
		events[i].DeclineCode = reason
	}
	return s, events
}

// Resume revokes a cancel and charges nothing. Resuming a subscription that is not
// cancelled changes nothing. It returns [ErrInvalidTransition] if the subscription
// has ended, if it is a given one, if its plan is being ended, or if its payment method m
// cannot be charged any more: then nothing could renew it.
func (s Subscription) Resume(m PaymentMethod, now time.Time) (Subscription, []Event, error) {
	if today, _ := s.At(now); !today.Live() {
		return s, nil, ErrInvalidTransition.WithMessage("the subscription has ended; subscribe again instead")
	}
	if err := cmp.Or(s.refuseGiven(), s.refuseEnding(), s.refuseRetired(m)); err != nil {
		return s, nil, err
	}
	if !s.CancelAtPeriodEnd {
		return s, nil, nil
	}
	s.CancelAtPeriodEnd = false
	return s, []Event{s.event(EventCancelRevoked, now)}, nil
}

// refuseEnding returns [ErrInvalidTransition] if the plan is being ended. The message names
// the way out.
func (s Subscription) refuseEnding() error {
	if !s.PlanEnding {
		return nil
	}
	return ErrInvalidTransition.WithMessage(
		"plan %s is being ended, so nothing is charged for it any more; subscribe to another plan when this subscription has ended", s.PlanCode)
}

// refuseRetired returns [ErrInvalidTransition] if m cannot be charged any more. The
// message names the ways out. While the first payment by a card is pending, the card is
// not saved yet, which is no reason.
func (s Subscription) refuseRetired(m PaymentMethod) error {
	cause := "its payment method was removed"
	switch reason := m.Retired(); {
	case reason == "", reason == MethodNotSaved && s.Status == StatusIncomplete:
		return nil
	case reason == MethodNotSaved:
		cause = "the payment system did not save its card"
	}
	return ErrInvalidTransition.WithMessage(
		"the subscription cannot be renewed, because %s; it runs until %s: give it another payment method with "+
			"PUT /v1/subscriptions/%s/payment-method, and resume it then", cause, s.Current.End.Format(time.RFC3339), s.PlanCode)
}
