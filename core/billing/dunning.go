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

// reaction is the consequence of a failed renewal.
type reaction int

const (
	end       reaction = iota // consent or trust is gone: the subscription ends at once
	hold                      // only the viewer can help: no more charges, access until the grace ends
	retry                     // the cause may disappear: charge again on schedule
	retryOnce                 // the cause is unknown: charge again once, then hold
)

// reaction returns the reaction to a renewal that failed with this code. A code that
// this package does not know counts as unknown.
func (c DeclineCode) reaction() reaction {
	switch c {
	case MandateRevoked, SuspectedFraud:
		return end
	case CardExpired, LostOrStolen, IncorrectNumber, InvalidExpiry, IncorrectCVC, NotPermitted, CurrencyNotSupported,
		TokenInvalid, TokenUnknown, ReceiptContactMissing, AuthenticationRequired, AuthenticationFailed, ActionExpired:
		return hold
	case InsufficientFunds, DoNotHonor, GenericDecline, LimitExceeded, IssuerUnavailable, ProcessingError,
		BlockedByProvider, DuplicateTransaction, Refused:
		return retry
	default:
		return retryOnce
	}
}

// recovery is the plan for a subscription whose renewal failed.
type recovery struct {
	then       reaction  // end, hold or retry
	at         time.Time // time of the next charge; zero unless it is retried
	from       time.Time // start of the retry schedule
	graceUntil time.Time // end of unpaid access
}

// MayBeOurs reports whether a fault of the service may be the cause of the refusal:
// its account at the payment system, its tokens or its requests. All viewers get such
// a refusal then. One viewer may get it for other reasons.
func (c DeclineCode) MayBeOurs() bool {
	switch c {
	case TokenUnknown, Refused, ReceiptContactMissing, TokenInvalid, CurrencyNotSupported, NotPermitted, AuthenticationRequired:
		return true
	default:
		return false
	}
}

// afterFailure plans the recovery of a failed renewal. A viewer who was told of a
// later end keeps it. No retry is later than maxGrace after the start, even if the
// payment system asks for a longer wait. Without any retry left the subscription
// stays on hold until its grace ends.
func (s Subscription) afterFailure(p Payment, o Outcome, r RetrySchedule, now time.Time) recovery {
	c := recovery{then: s.reactionTo(p, o), from: s.PastDueSince}
	if s.Status != StatusPastDue {
		c.from = r.startOf(p.Period.Start, now)
	}
	c.graceUntil = latest(s.GraceUntil, r.lastRetry(c.from))
	if c.then == retry {
		c.at, c.then = s.retryAt(c.from, o, r, now)
		c.graceUntil = latest(c.graceUntil, c.at)
	}
	if c.then == hold && !now.Before(c.graceUntil) {
		c.then = end
	}
	return c
}

// reactionTo returns the reaction to the outcome of a renewal: end, hold or retry.
// Advice of the payment system overrides the decline code, unless that ends the
// subscription.
func (s Subscription) reactionTo(p Payment, o Outcome) reaction {
	then := p.DeclineCode.reaction()
	switch {
	case then == end || o.Advice == ConsentWithdrawn:
		return end
	case o.Advice != NoAdvice || then == retryOnce && s.Status == StatusPastDue:
		return hold
	case then == retryOnce:
		return retry
	default:
		return then
	}
}

// retryAt returns the time of the next retry, and retry. If none is left it returns
// the zero time and hold. If the schedule was shortened after the viewer was told of
// GraceUntil, the last retry is at that time.
func (s Subscription) retryAt(from time.Time, o Outcome, r RetrySchedule, now time.Time) (time.Time, reaction) {
	at, left := r.nextRetry(from, now)
	if !left && now.Before(s.GraceUntil) {
		at, left = s.GraceUntil, true
	}
	if earliest := now.Add(o.RetryAfter); left && o.RetryAfter > 0 && at.Before(earliest) {
		at = earliest
	}
	if !left || at.After(from.Add(maxGrace)) {
		return time.Time{}, hold
	}
	return at, retry
}
