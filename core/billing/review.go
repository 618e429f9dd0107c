package billing

import "time"

// The longest times for which a viewer's own payment can be open. Pages of payment systems
// are open for a day at most. If a payment system does not answer, a later answer may still
// be that the viewer has paid.
const (
	ownPaymentLimit = 25 * time.Hour
	unansweredLimit = 49 * time.Hour
)

// OwnPaymentOverdue reports whether a viewer's own payment has been open for longer than any
// payment system allows. answered says whether the lookup had an answer.
func (t SendTimes) OwnPaymentOverdue(p Payment, answered bool) bool {
	limit := ownPaymentLimit
	if !answered {
		limit = unansweredLimit
	}
	return p.Initiator == CustomerInitiated && !t.First.IsZero() && !t.Lookup.Before(t.First.Add(limit))
}

// NeedsReview reports whether a person must decide on the payment: it is pending, and no
// lookup alone will settle it.
func (p Payment) NeedsReview() bool {
	return !p.Settled() && (p.Contradiction != "" || !p.ReviewSince.IsZero())
}

// Review lets a pending payment wait for a person: see [Payment.Decide]. It is never sent
// again, and the viewer is no longer offered its page. The event is added once, and only if
// no contradiction has called a person already.
//
// The viewer need not wait as well. A subscription whose first payment it is ends, and so
// does a cancelled one whose period is over. A viewer's own payment for a period that is
// past due stays open until the grace ends, and the subscription ends then. If the payment
// turns out later to have been charged, that is a contradiction.
func (s Subscription) Review(p Payment, now time.Time) (Subscription, Payment, []Event) {
	recovers := s.Live() && s.Status != StatusIncomplete && p.Initiator == CustomerInitiated
	if p.Settled() || recovers && now.Before(s.GraceUntil) {
		return s, p, nil
	}
	var events []Event
	p = p.withoutPage()
	if p.ReviewSince.IsZero() {
		p.ReviewSince = now
		if p.Contradiction == "" {
			events = append(events, s.paymentEvent(EventPaymentNeedsReview, p, now))
		}
	}
	switch {
	case s.Status == StatusIncomplete:
		s.Charging = false
		s = s.ended(now)
	case recovers:
		s.Charging = false
		s = s.ended(s.GraceUntil)
		events = append(events, s.event(EventEnded, s.EndedAt))
	case s.Live() && s.CancelAtPeriodEnd && !now.Before(s.Current.End):
		s.Charging = false
		var ended []Event
		s, ended = s.At(now)
		events = append(events, ended...)
	}
	return s, p, events
}
