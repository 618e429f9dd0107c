package billing

import (
	"fmt"
	"slices"
	"time"
)

// Limit allows at most Max actions within Per. A Max of 0 means no limit.
type Limit struct {
	Max int
	Per time.Duration
}

// Limits apply together: an action is allowed only if every one of them allows it.
type Limits []Limit

// CardLimits limit a viewer's use of cards, so that the service cannot be used to
// test stolen ones.
type CardLimits struct {
	// Declines bounds the viewer's own payments that were declined or whose outcome is
	// unknown. It counts them whether they were paid with a token or with a stored card,
	// because both can stand for a stolen card.
	Declines Limits
	// Cards bounds the cards that a viewer adds. It also bounds the tokens that a viewer
	// links without a payment, in a count of their own.
	Cards Limits
}

// Window returns the input that [Limits.Allow] needs: the actions of the last
// back, and of those only the newest n.
func (l Limits) Window() (back time.Duration, n int) {
	for _, limit := range l {
		back, n = max(back, limit.Per), max(n, limit.Max)
	}
	return back, n
}

// Allow returns a [LimitedError] if one more action at now would exceed a limit.
// past holds the times of the earlier actions, in any order, as far as
// [Limits.Window] says. r describes the refusal.
func (l Limits) Allow(past []time.Time, now time.Time, r Refusal) error {
	past = slices.SortedFunc(slices.Values(past), func(a, b time.Time) int { return b.Compare(a) })
	var wait time.Duration
	for _, limit := range l {
		// The limit has room as soon as the Max-th newest action is older than Per.
		if limit.Max > 0 && len(past) >= limit.Max {
			wait = max(wait, past[limit.Max-1].Add(limit.Per).Sub(now))
		}
	}
	if wait <= 0 {
		return nil
	}
	return &LimitedError{Refusal: r, RetryAfter: wait, Since: past[0]}
}

// Refusal describes a limit that was reached.
type Refusal struct {
	Type   EventType // the event that records the refusal; empty if none does
	Reason string    // for people
}

// The limits that viewers can reach.
var (
	TooManyCards    = Refusal{EventCardLimitReached, "too many cards were added; nothing was charged"}
	TooManyDeclines = Refusal{EventDeclineLimitReached, "too many payments were declined; nothing was charged"}
	TooManyMethods  = Refusal{Reason: "too many payment methods were linked; nothing was charged"}
	TooManyResumes  = Refusal{Reason: "too many cancels were revoked; the subscription stays cancelled"}
	TooManyKeys     = Refusal{Reason: "too many requests with a new Idempotency-Key changed nothing"}
)

// LimitedError reports that a viewer has reached a limit. It is [ErrRateLimited].
type LimitedError struct {
	Refusal
	RetryAfter time.Duration // until the limit has room for one more
	Since      time.Time     // of the last action that was allowed
}

func (e *LimitedError) Error() string {
	return fmt.Sprintf("%s; try again in %s", e.Reason, e.RetryAfter.Round(time.Second))
}

// Unwrap returns [ErrRateLimited].
func (e *LimitedError) Unwrap() error { return ErrRateLimited }

// Event returns the event of the refusal, for the viewer's history.
func (e *LimitedError) Event(user UserID, now time.Time) Event {
	return Event{UserID: user, Type: e.Type, At: now}
}
