package billing

import (
	"fmt"
	"time"
)

// DefaultGroup is the group of a plan unless an operator chooses another one.
const DefaultGroup = "main"

// Regroup returns the plan in another group. It checks only the group, so that a plan
// from before a stricter rule can be moved. The caller makes sure that no viewer has
// live subscriptions to two plans of the group.
func (p Plan) Regroup(group string, now time.Time) (Plan, error) {
	var f faults
	f.check(validCode(group), "group", RuleCodeFormat)
	if group != p.Group {
		p.Group, p.UpdatedAt = group, now
	}
	return p, f.err()
}

// RefuseOrder returns why a viewer with the subscriptions subs, to plans of the plan's
// group, cannot subscribe to the plan: [ErrAlreadySubscribed] for a live one to the plan
// itself, else a [PlanGroupTakenError] for a live one to another plan. It returns nil if
// all have ended. It does not advise the viewer to cancel another plan for one that is no
// longer sold, which [Order.Start] refuses.
func (p Plan) RefuseOrder(subs ...Subscription) error {
	var taken error
	for _, s := range subs {
		switch {
		case !s.Live():
		case s.PlanID == p.ID:
			return s.RefuseAnother()
		case taken == nil && p.ArchivedAt.IsZero():
			taken = &PlanGroupTakenError{Plan: p.Code, Live: s}
		}
	}
	return taken
}

// PlanGroupTakenError reports that the viewer has a live subscription to another plan of
// the ordered plan's group. It is [ErrPlanGroupTaken].
type PlanGroupTakenError struct {
	Plan string // the ordered plan's code
	Live Subscription
}

// Error names the plan of the live subscription and the next step. An immediate cancel is
// refused while a payment is pending.
func (e *PlanGroupTakenError) Error() string {
	s := e.Live
	cancel := fmt.Sprintf(`cancel it with POST /v1/subscriptions/%s/cancel and "at": "now"`, s.PlanCode)
	until := s.Current.End.Format(time.RFC3339)
	var next string
	switch {
	case s.Given():
		next = fmt.Sprintf("was given until %s; subscribe then, or %s", until, cancel)
	case s.Charging:
		next = "has a payment that is being settled; in a moment, " + cancel
	case s.CancelAtPeriodEnd:
		next = fmt.Sprintf("is cancelled but runs until %s; subscribe then, or %s", until, cancel)
	case s.Status == StatusPastDue:
		next = "is past due; " + cancel
	default:
		next = fmt.Sprintf("is live; %s, or cancel it at the period's end and subscribe after %s", cancel, until)
	}
	return fmt.Sprintf("plans %s and %s are in the same group, and a viewer can have one of them at a time; the subscription to plan %s %s",
		e.Plan, s.PlanCode, s.PlanCode, next)
}

// Unwrap returns [ErrPlanGroupTaken].
func (e *PlanGroupTakenError) Unwrap() error { return ErrPlanGroupTaken }
