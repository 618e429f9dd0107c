package billing

import "time"

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

// Resume revokes a cancel and charges nothing. Resuming a subscription that is not
// cancelled changes nothing. It returns [ErrInvalidTransition] if the subscription
// has ended.
func (s Subscription) Resume(now time.Time) (Subscription, []Event, error) {
	if today, _ := s.At(now); !today.Live() {
		return s, nil, ErrInvalidTransition.WithMessage("the subscription has ended; subscribe again instead")
	}
	if !s.CancelAtPeriodEnd {
		return s, nil, nil
	}
	s.CancelAtPeriodEnd = false
	return s, []Event{s.event(EventCancelRevoked, now)}, nil
}
