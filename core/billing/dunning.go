package billing

import (
	"slices"
	"time"
)

// RetrySchedule says when a declined renewal is tried again: so long after its
// due date, each longer than the one before. After the last try the
// subscription ends; until then the viewer keeps access.
type RetrySchedule struct{ steps []time.Duration }

const (
	// maxRetries is more tries than any card network allows in a month.
	maxRetries = 30
	// maxGrace is less than any month: who has not paid by then has not for all of it.
	maxGrace = 28 * 24 * time.Hour
)

// NewRetrySchedule checks the steps of a schedule. Its errors are [ErrInvalid].
func NewRetrySchedule(steps ...time.Duration) (RetrySchedule, error) {
	var f faults
	f.add(len(steps) > 0 && len(steps) <= maxRetries, "retry_schedule", "must have 1 to 30 steps")
	longer, previous := true, time.Duration(0)
	for _, step := range steps {
		longer, previous = longer && step > previous, step
	}
	f.add(longer, "retry_schedule", "each step must be longer than the one before, and the first longer than zero")
	f.add(previous <= maxGrace, "retry_schedule", "the last step must not be longer than 28 days")
	return RetrySchedule{slices.Clone(steps)}, f.err()
}

// next returns the first try after now, and false when there is none left.
func (r RetrySchedule) next(from, now time.Time) (time.Time, bool) {
	for _, step := range r.steps {
		if at := from.Add(step); at.After(now) {
			return at, true
		}
	}
	return time.Time{}, false
}

// from is what the schedule is counted from for a renewal that was due at due,
// and whose decline is known since now: the due date, unless that is so long ago
// that the first retry has gone by. Our delay must not cost the viewer any tries.
func (r RetrySchedule) from(due, now time.Time) time.Time {
	if len(r.steps) > 0 && now.Before(due.Add(r.steps[0])) {
		return due
	}
	return now
}

// last is when the last try is made.
func (r RetrySchedule) last(from time.Time) time.Time {
	if len(r.steps) == 0 {
		return from
	}
	return from.Add(r.steps[len(r.steps)-1])
}

// Advice is what a payment system advises after a decline. It wins over the
// decline code and over the retry schedule. The card networks send it as
// merchant advice code, and fine those who go against it.
type Advice string

// The advice that there is. With any but none, the token is not charged again.
const (
	NoAdvice         Advice = ""
	DoNotRetry       Advice = "do_not_retry"
	NewCardNeeded    Advice = "new_card_needed"
	ConsentWithdrawn Advice = "consent_withdrawn"
)

// MayRetry reports whether a renewal that was declined with this code may be
// tried again with the same token, unless the payment system advises otherwise:
// not when the card is gone, the viewer has to be there, or took the consent
// back.
func (c DeclineCode) MayRetry() bool { return !c.hard() }

// soft declines may pass by themselves.
func (c DeclineCode) soft() bool {
	switch c {
	case InsufficientFunds, DoNotHonor, GenericDecline, LimitExceeded, IssuerUnavailable, ProcessingError,
		BlockedByProvider, DuplicateTransaction, Refused:
		return true
	default:
		return false
	}
}

func (c DeclineCode) hard() bool {
	switch c {
	case CardExpired, LostOrStolen, SuspectedFraud, IncorrectNumber, InvalidExpiry, NotPermitted,
		MandateRevoked, TokenInvalid, CurrencyNotSupported, IncorrectCVC,
		AuthenticationRequired, AuthenticationFailed, ActionExpired, TokenUnknown:
		return true
	default:
		return false
	}
}

// retryAt is when a renewal is tried again that was not paid, and what the
// schedule is counted from; false when it is not tried again.
//
// A decline that we have no word for may be a final one: it is tried again only
// if it is the renewal's first. Nor does anybody watch unpaid for longer than
// maxGrace, however long the payment system wants us to wait.
func (s Subscription) retryAt(p Payment, o Outcome, r RetrySchedule, now time.Time) (at, from time.Time, again bool) {
	if o.Advice != NoAdvice || !p.DeclineCode.MayRetry() || s.Status == StatusPastDue && !p.DeclineCode.soft() {
		return time.Time{}, time.Time{}, false
	}
	from = s.PastDueSince
	if s.Status != StatusPastDue {
		from = r.from(p.Period.Start, now)
	}
	at, again = r.next(from, now)
	if earliest := now.Add(o.RetryAfter); again && o.RetryAfter > 0 && at.Before(earliest) {
		at = earliest
	}
	return at, from, again && !at.After(from.Add(maxGrace))
}
