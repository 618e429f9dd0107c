package billing

import "time"

// firstPaymentLimit is the longest time for which a first payment can be open. Pages of
// payment systems are open for a day at most.
const firstPaymentLimit = 25 * time.Hour

// FirstPaymentOverdue reports whether a first payment has been open for longer than any
// payment system allows.
func (t SendTimes) FirstPaymentOverdue(p Payment) bool {
	return p.Initiator == CustomerInitiated && !t.Lookup.Before(t.First.Add(firstPaymentLimit))
}

// NeedsReview reports whether a person must decide on the payment: it is pending, and no
// lookup alone will settle it.
func (p Payment) NeedsReview() bool {
	return !p.Settled() && (p.Contradiction != "" || !p.ReviewSince.IsZero())
}

// Review lets a pending payment wait for a person: see [Payment.Decide]. It is never sent
// again, and the viewer can no longer confirm it. The event is added once, and only if no
// contradiction has called a person already.
//
// The viewer need not wait as well. A subscription whose first payment it is ends, and so
// does a cancelled one whose period is over. If the payment turns out later to have been
// charged, that is a contradiction.
func (s Subscription) Review(p Payment, now time.Time) (Subscription, Payment, []Event) {
	if p.Settled() {
		return s, p, nil
	}
	var events []Event
	p.ActionURL = ""
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
	case s.Live() && s.CancelAtPeriodEnd && !now.Before(s.Current.End):
		s.Charging = false
		var ended []Event
		s, ended = s.At(now)
		events = append(events, ended...)
	}
	return s, p, events
}
