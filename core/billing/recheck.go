package billing

import "time"

// RecheckAfter returns the time until an abandoned payment is looked up again, or 0 if
// it is not. checks is the number of such lookups that had an answer. A payment that was
// abandoned because nothing proved that it had been received is looked up an hour and a day
// later: if it was charged after all, the money goes back.
func RecheckAfter(checks int) time.Duration {
	switch checks {
	case 0:
		return time.Hour
	case 1:
		return 23 * time.Hour
	default:
		return 0
	}
}

// NeedsRecheck reports whether the payment was abandoned without an answer of its payment
// system.
func (p Payment) NeedsRecheck() bool {
	return p.Status == PaymentAbandoned && p.DeclineCode == NotSent && p.ChargedLateAt.IsZero()
}
