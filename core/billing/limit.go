package billing

import (
	"fmt"
	"slices"
	"time"
)

// Limit allows so many of something in so much time.
type Limit struct {
	Max int
	Per time.Duration
}

// Limits are what a viewer may do before it looks like somebody who tries out
// stolen cards.
type Limits struct {
	// Declines bounds the payments with a kept card that were declined, or of
	// which nobody knows yet.
	Declines []Limit
	// Cards bounds the cards that are new.
	Cards []Limit
}

// Span is how far back limits look, and at how many things at most.
func Span(limits []Limit) (back time.Duration, most int) {
	for _, l := range limits {
		back, most = max(back, l.Per), max(most, l.Max)
	}
	return back, most
}

// Check returns an error when one more at now would be more than the limits
// allow: a [LimitedError] that says for how long. past is when the earlier ones
// were, the newest as many as [Span] says.
func Check(limits []Limit, past []time.Time, now time.Time, t EventType) error {
	past = slices.SortedFunc(slices.Values(past), func(a, b time.Time) int { return b.Compare(a) })
	var wait time.Duration
	for _, l := range limits {
		// When the Max-th newest is old enough, there is room for one.
		if l.Max > 0 && len(past) >= l.Max {
			wait = max(wait, past[l.Max-1].Add(l.Per).Sub(now))
		}
	}
	if wait <= 0 {
		return nil
	}
	return &LimitedError{Type: t, RetryAfter: wait, Since: past[0]}
}

// LimitedError says that a viewer has done too much of something, and when there
// is room again. It is [ErrRateLimited].
type LimitedError struct {
	Type       EventType // of the event that tells of it
	RetryAfter time.Duration
	Since      time.Time // when the last one was that was allowed
}

func (e *LimitedError) Error() string {
	what := "too many payments with a card were declined"
	if e.Type == CardsLimited {
		what = "too many cards were added"
	}
	return fmt.Sprintf("%s; nothing was charged; try again in %s", what, e.RetryAfter.Round(time.Second))
}

// Unwrap returns [ErrRateLimited].
func (e *LimitedError) Unwrap() error { return ErrRateLimited }

// Event returns the event that tells of the refusal, for a user's history.
func (e *LimitedError) Event(user UserID, now time.Time) Event {
	return Event{UserID: user, Type: e.Type, At: now}
}
