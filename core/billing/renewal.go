package billing

import (
	"cmp"
	"time"
)

// Bill returns the payment that is due at now, pending and at the agreed price,
// and reports whether one is due. It is the renewal of an active subscription, or
// the next retry of a past due one.
//
// A renewal is for the period that contains now. Whole periods that the service
// missed are waived: the viewer does not pay for them, and the anchor stays. A retry
// is for the period in which its retry schedule began, even if that period is over
// by now: the viewer has had access to it.
//
// If a subscription is over that was cancelled or on hold, Bill ends it. It also ends
// a subscription whose plan is being ended, or whose payment method was removed or was
// never saved by the payment system, if [Subscription.StopRenewal] has not cancelled it.
func (s Subscription) Bill(id PaymentID, m PaymentMethod, cal Calendar, now time.Time) (Subscription, Payment, []Event, bool) {
	s, events := s.At(now)
	if !s.due(now) {
		return s, Payment{}, events, false
	}
	if reason := s.unrenewable(m); reason != "" {
		s = s.ended(now)
		e := s.event(EventEnded, now)
		e.DeclineCode = reason
		return s, Payment{}, append(events, e), false
	}
	within := now
	if s.Status == StatusPastDue {
		within = s.PastDueSince
	}
	period := cal.Next(s.AnchorAt, s.IntervalMonths, s.Current.End, within)
	s.Charging, s.LatestPaymentID, s.NextChargeAt = true, id, period.End
	return s, s.intent(id, MerchantInitiated, period, now), events, true
}

// unrenewable returns why no renewal can follow, or "" if one can.
func (s Subscription) unrenewable(m PaymentMethod) DeclineCode {
	if s.PlanEnding {
		return PlanEnded
	}
	return m.Retired()
}

// due reports whether a charge is due at now. No charge is ever due for a given subscription.
func (s Subscription) due(now time.Time) bool {
	renews := s.Status == StatusActive || s.Status == StatusPastDue
	return renews && !s.Given() && !s.Charging && s.Hold == "" && !now.Before(s.NextChargeAt)
}

// MayResend reports whether a payment that the payment system has never received
// can be sent to it at now. The viewer's own payment cannot: the viewer was told
// that it failed, and may have tried again. A renewal cannot if the viewer has
// cancelled, if its method was removed, if its plan is being ended, if its period is over,
// or if it differs from the subscription's [Terms].
func (s Subscription) MayResend(p Payment, m PaymentMethod, now time.Time) bool {
	return p.Initiator == MerchantInitiated && !p.Settled() && !s.CancelAtPeriodEnd &&
		s.unrenewable(m) == "" && now.Before(p.Period.End) && s.Terms().Difference(p) == ""
}

// Settle applies the outcome of payment p to p and to its subscription. It returns
// events only for changes, so applying the same outcome twice is safe.
//
// A first payment that fails ends the subscription. A declined renewal is retried
// according to r, or put on hold if another try cannot succeed before the viewer
// acts. The subscription ends after the last retry, and at once if the viewer's
// consent is gone. A renewal that was never sent, or is postponed, is due again
// immediately. A viewer's own payment for a period that is past due changes the
// subscription only if it succeeds.
//
// A payment that differs from the subscription's [Terms] never pays for it: its
// success is a contradiction, and so is the success of a payment whose subscription has
// ended meanwhile: see [Subscription.Review]. A viewer's own payment may have another
// method.
func (s Subscription) Settle(p Payment, o Outcome, r RetrySchedule, cal Calendar, now time.Time) (Subscription, Payment, []Event) {
	before := p
	p, settled := p.applyOutcome(o, s, now)
	if p.Contradiction != before.Contradiction && p.Contradiction != "" {
		return s, p, []Event{s.paymentEvent(EventPaymentContradicted, p, now)}
	}
	if !settled {
		return s, p, nil
	}
	s.Charging = false
	if p.Status == PaymentSucceeded {
		return s.paymentSucceeded(p, cal, now)
	}
	kind := EventPaymentDeclined
	if p.Status == PaymentAbandoned {
		kind = EventPaymentAbandoned
	}
	if s.Status == StatusIncomplete {
		s = s.ended(now)
	}
	if !s.Live() {
		return s, p, []Event{s.paymentEvent(kind, p, now)}
	}
	s, events := s.renewalFailed(kind, p, o, r, now)
	return s, p, events
}

// firstPeriodSlack is the usual time until a first payment settles. Its period
// stays as it was stored then.
const firstPeriodSlack = time.Minute

// paymentSucceeded starts or renews the subscription. The period of a first payment
// begins when it settles, so that a viewer who confirms it days later loses no day. A
// viewer's own payment makes its method the method of the subscription.
func (s Subscription) paymentSucceeded(p Payment, cal Calendar, now time.Time) (Subscription, Payment, []Event) {
	kind, waived := EventRenewed, p.Period.Start.After(s.Current.End)
	if s.Status == StatusIncomplete {
		if now.Sub(p.Period.Start) > firstPeriodSlack {
			s.AnchorAt, p.Period = now, cal.Period(now, 0, s.IntervalMonths)
		}
		kind, waived, s.StartedAt = EventSubscribed, false, p.Period.Start
	}
	if p.MethodID != s.MethodID {
		s.MethodID, s.PaymentSystem, s.ConsentMAC = p.MethodID, p.PaymentSystem, p.ConsentMAC
	}
	s.Status, s.Current, s.NextChargeAt = StatusActive, p.Period, p.Period.End
	s.PastDueSince, s.GraceUntil, s.Hold = time.Time{}, time.Time{}, ""
	events := []Event{s.paymentEvent(kind, p, now)}
	if waived {
		events = append(events, s.event(EventPeriodsWaived, now))
	}
	return s, p, events
}

// renewalFailed schedules a retry of a declined or abandoned renewal, puts the
// subscription on hold, or ends it.
func (s Subscription) renewalFailed(kind EventType, p Payment, o Outcome, r RetrySchedule, now time.Time) (Subscription, []Event) {
	if p.Initiator == CustomerInitiated {
		events := []Event{s.paymentEvent(kind, p, now)}
		s, ended := s.At(now)
		return s, append(events, ended...)
	}
	c := s.afterFailure(p, o, r, now)
	switch {
	case s.CancelAtPeriodEnd && s.Terms().Difference(p) == "": // the paid period is over
	case p.DeclineCode == NotSent || p.DeclineCode == Postponed:
		s.NextChargeAt = now
		if s.Status == StatusActive {
			s.NextChargeAt = s.Current.End
		}
		return s, []Event{s.paymentEvent(kind, p, now)}
	case c.then == retry:
		s = s.pastDue(c, "")
		e := s.paymentEvent(kind, p, now)
		e.RetryAt = c.at
		return s, []Event{e}
	case c.then == hold:
		s = s.pastDue(c, cmp.Or(p.DeclineCode, UnknownDecline))
		return s, []Event{s.paymentEvent(kind, p, now), s.paymentEvent(EventPaymentActionRequired, p, now)}
	}
	s = s.ended(now)
	return s, []Event{s.paymentEvent(kind, p, now), s.paymentEvent(EventEnded, p, now)}
}

// pastDue returns the subscription with the dates of its recovery, on hold for a
// reason or not.
func (s Subscription) pastDue(c recovery, reason DeclineCode) Subscription {
	s.Status, s.NextChargeAt, s.Hold = StatusPastDue, c.at, reason
	s.PastDueSince, s.GraceUntil = c.from, c.graceUntil
	return s
}
