package billing

import "time"

// PlanEnding is an operator's decision to end a plan for all its subscribers, and its
// progress. Each live subscription is cancelled once, in the order of the users.
//
// The progress makes nothing safe: from [Plan.End] on, [Subscription.Bill] charges no
// subscription to the plan. It shows the end to viewers and services before their next
// renewal.
type PlanEnding struct {
	PlanID    PlanID
	StartedAt time.Time // the plan's EndingAt
	Author    string    // the name of an operator
	Reason    string
	From      string // the operator's address, or "shell"
	Viewers   int    // that the operator confirmed
	After     UserID // the last user who was looked at; empty at the start
	Cancelled int    // subscriptions that were cancelled at the end of their period
	Ended     int    // subscriptions that had no paid time left, so they ended at once
	Failed    int    // subscriptions that could not be stored; they end when they are due
	DoneAt    time.Time
}

// EndingConfirmed reports whether an operator who confirmed a number of viewers may end a plan
// for viewers. The numbers may differ by one percent: viewers of a large plan subscribe and
// cancel every second.
func EndingConfirmed(confirmed, viewers int) bool {
	return 100*max(confirmed-viewers, viewers-confirmed) <= viewers
}

// Of reports whether the plan is still being ended by e. It is not if the plan was restored,
// even if it was ended again later.
func (e PlanEnding) Of(p Plan) bool { return p.ID == e.PlanID && p.EndingAt.Equal(e.StartedAt) }

// Stop ends a subscription as [Subscription.StopRenewal] does, and counts it. It returns the
// events of a subscription that was over before as past, and its own events as events. Both
// are empty if nothing changes.
func (e PlanEnding) Stop(s Subscription, now time.Time) (_ PlanEnding, _ Subscription, past, events []Event) {
	s, past = s.At(now)
	s, events = s.StopRenewal(PlanEnded, now)
	switch {
	case len(events) == 0:
	case s.Live():
		e.Cancelled++
	default:
		e.Ended++
	}
	return e, s, past, events
}

// Done returns the ending as finished, or as stopped because the plan was restored.
func (e PlanEnding) Done(now time.Time) PlanEnding {
	e.DoneAt = now
	return e
}
