package billing

import (
	"slices"
	"time"
)

// RetrySchedule holds the delays after which a declined renewal is charged again,
// counted from its due date, in increasing order. The subscription ends after the
// last retry. Until then the viewer keeps access.
type RetrySchedule struct{ steps []time.Duration }

const (
	// maxRetries is more than any card network allows in a month.
	maxRetries = 30
	// maxGrace is shorter than every month, so no period is used in full without
	// payment.
	maxGrace = 28 * 24 * time.Hour
)

// NewRetrySchedule returns a schedule of 1 to 30 increasing steps, of at most 28
// days. It returns an [InvalidError] for any others.
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

// nextRetry returns the first retry after now, and false if none is left.
func (r RetrySchedule) nextRetry(from, now time.Time) (time.Time, bool) {
	for _, step := range r.steps {
		if at := from.Add(step); at.After(now) {
			return at, true
		}
	}
	return time.Time{}, false
}

// startOf returns the start of the schedule for a renewal that was due at due and
// whose decline became known at now. It is due, unless the first retry would
// already have passed. In that case it is now, because a delay of the service must
// not cost the viewer any retries.
func (r RetrySchedule) startOf(due, now time.Time) time.Time {
	if len(r.steps) > 0 && now.Before(due.Add(r.steps[0])) {
		return due
	}
	return now
}

// lastRetry returns the time of the last retry.
func (r RetrySchedule) lastRetry(from time.Time) time.Time {
	if len(r.steps) == 0 {
		return from
	}
	return from.Add(r.steps[len(r.steps)-1])
}

// Advice is a payment system's advice after a decline. It overrides the decline
// code and the retry schedule. The card networks send it as the merchant advice
// code, and fine merchants that ignore it.
type Advice string

// The values of Advice. After any but NoAdvice, the token is not charged again.
const (
	NoAdvice         Advice = ""
	DoNotRetry       Advice = "do_not_retry"
	NewCardNeeded    Advice = "new_card_needed"
	ConsentWithdrawn Advice = "consent_withdrawn"
)

// MayRetry reports whether a renewal declined with this code may be charged again
// with the same token, unless the payment system's [Advice] forbids it. It is
// false if the card is unusable, the viewer must be present, or the viewer has
// withdrawn consent.
func (c DeclineCode) MayRetry() bool { return !c.hard() }

// soft reports whether the cause of the decline may disappear without any action
// of the viewer.
func (c DeclineCode) soft() bool {
	switch c {
	case InsufficientFunds, DoNotHonor, GenericDecline, LimitExceeded, IssuerUnavailable, ProcessingError,
		BlockedByProvider, DuplicateTransaction, Refused:
		return true
	default:
		return false
	}
}

// hard reports whether charging the same token again is pointless. An unknown
// code is neither soft nor hard.
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

// MayBeOurs reports whether a fault of the service may be the cause of the refusal:
// its account at the payment system, its tokens or its requests. All viewers get such
// a refusal then. One viewer may get it for other reasons.
func (c DeclineCode) MayBeOurs() bool {
	switch c {
	case TokenUnknown, Refused, TokenInvalid, CurrencyNotSupported, NotPermitted, AuthenticationRequired:
		return true
	default:
		return false
	}
}

// retryAt returns the time of the next retry of a failed renewal, the start of
// its retry schedule, and whether it is retried.
//
// A decline with an unknown code may be final, so it is retried only if it is the
// renewal's first. A viewer who was told of a later end keeps it: if the schedule was
// shortened meanwhile, the last retry is at GraceUntil. No retry is later than maxGrace
// after the start, even if the payment system asks for a longer wait.
func (s Subscription) retryAt(p Payment, o Outcome, r RetrySchedule, now time.Time) (at, from time.Time, retry bool) {
	if o.Advice != NoAdvice || !p.DeclineCode.MayRetry() || s.Status == StatusPastDue && !p.DeclineCode.soft() {
		return time.Time{}, time.Time{}, false
	}
	from = s.PastDueSince
	if s.Status != StatusPastDue {
		from = r.startOf(p.Period.Start, now)
	}
	at, retry = r.nextRetry(from, now)
	if !retry && now.Before(s.GraceUntil) { // the schedule was shortened
		at, retry = s.GraceUntil, true
	}
	if earliest := now.Add(o.RetryAfter); retry && o.RetryAfter > 0 && at.Before(earliest) {
		at = earliest
	}
	return at, from, retry && !at.After(from.Add(maxGrace))
}
