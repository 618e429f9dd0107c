package billing

import "time"

// Bill returns the payment that is due at now, pending and at the agreed price,
// and reports whether one is due. It is the renewal of an active subscription, or
// the next retry of a past due one.
//
// A renewal is for the period that contains now. Whole periods that the service
// missed are waived: the viewer does not pay for them, and the anchor stays. A retry
// is for the period in which its retry schedule began, even if that period is over
// by now: the viewer has had access to it.
//
// If a cancelled subscription is over, Bill ends it. It also ends a subscription
// whose payment method was removed, or was never saved by the payment system, if
// [Subscription.StopRenewal] has not cancelled it.
func (s Subscription) Bill(id PaymentID, m PaymentMethod, cal Calendar, now time.Time) (Subscription, Payment, []Event, bool) {
	s, events := s.At(now)
	if !s.due(now) {
		return s, Payment{}, events, false
	}
	if reason := m.Retired(); reason != "" {
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

// due reports whether a charge is due at now.
func (s Subscription) due(now time.Time) bool {
	renews := s.Status == StatusActive || s.Status == StatusPastDue
	return renews && !s.Charging && !now.Before(s.NextChargeAt)
}

// MayResend reports whether a payment that the payment system has never received
// can be sent to it at now. The viewer's own payment cannot: the viewer was told
// that it failed, and may have tried again. A renewal cannot if the viewer has
// cancelled, if its method was removed, if its period is over, or if it differs from
// the subscription's [Terms].
func (s Subscription) MayResend(p Payment, m PaymentMethod, now time.Time) bool {
	return p.Initiator == MerchantInitiated && !p.Settled() && !s.CancelAtPeriodEnd &&
		m.Retired() == "" && now.Before(p.Period.End) && s.Terms().Difference(p) == ""
}

// Settle applies the outcome of payment p to p and to its subscription. It returns
// events only for changes, so applying the same outcome twice is safe.
//
// A first payment that fails ends the subscription. A declined renewal is retried
// according to r, unless the payment system advises against it. After the last
// retry the subscription ends. A renewal that was never sent, or is postponed, is due
// again immediately.
//
// A payment that differs from the subscription's [Terms] never pays for it: its
// success is a contradiction.
func (s Subscription) Settle(p Payment, o Outcome, r RetrySchedule, now time.Time) (Subscription, Payment, []Event) {
	before := p
	p, settled := p.applyOutcome(o, s.Terms(), now)
	if p.Contradiction != before.Contradiction && p.Contradiction != "" {
		return s, p, []Event{s.paymentEvent(EventPaymentContradicted, p, now)}
	}
	if !settled {
		return s, p, nil
	}
	s.Charging = false
	if p.Status == PaymentSucceeded {
		s, events := s.paymentSucceeded(p, now)
		return s, p, events
	}
	kind := EventPaymentDeclined
	if p.Status == PaymentAbandoned {
		kind = EventPaymentAbandoned
	}
	if s.Status == StatusIncomplete {
		s = s.ended(now)
		return s, p, []Event{s.paymentEvent(kind, p, now)}
	}
	s, events := s.renewalFailed(kind, p, o, r, now)
	return s, p, events
}

// paymentSucceeded starts or renews the subscription.
func (s Subscription) paymentSucceeded(p Payment, now time.Time) (Subscription, []Event) {
	kind, waived := EventRenewed, p.Period.Start.After(s.Current.End)
	if s.Status == StatusIncomplete {
		kind, s.StartedAt = EventSubscribed, p.Period.Start
	}
	s.Status, s.Current, s.NextChargeAt = StatusActive, p.Period, p.Period.End
	s.PastDueSince, s.GraceUntil = time.Time{}, time.Time{}
	events := []Event{s.paymentEvent(kind, p, now)}
	if waived {
		events = append(events, s.event(EventPeriodsWaived, now))
	}
	return s, events
}

// renewalFailed schedules a retry of a declined or abandoned renewal, or ends the
// subscription.
func (s Subscription) renewalFailed(kind EventType, p Payment, o Outcome, r RetrySchedule, now time.Time) (Subscription, []Event) {
	at, from, retry := s.retryAt(p, o, r, now)
	switch {
	case s.CancelAtPeriodEnd && s.Terms().Difference(p) == "": // the paid period is over
	case p.DeclineCode == NotSent || p.DeclineCode == Postponed:
		s.NextChargeAt = now
		if s.Status == StatusActive {
			s.NextChargeAt = s.Current.End
		}
		return s, []Event{s.paymentEvent(kind, p, now)}
	case retry:
		s.Status, s.NextChargeAt = StatusPastDue, at
		s.PastDueSince, s.GraceUntil = from, latest(s.GraceUntil, latest(r.lastRetry(from), at))
		e := s.paymentEvent(kind, p, now)
		e.RetryAt = at
		return s, []Event{e}
	}
	s = s.ended(now)
	return s, []Event{s.paymentEvent(kind, p, now), s.paymentEvent(EventEnded, p, now)}
}
