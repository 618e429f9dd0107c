package billing

import (
	"fmt"
	"strings"
	"time"
)

// GrantID identifies a grant.
type GrantID string

// Grant is a period that the viewer does not pay for. It follows what the viewer has
// already, so it never replaces paid time. It is never changed or removed.
type Grant struct {
	ID             GrantID
	UserID         UserID
	SubscriptionID SubscriptionID
	Period         Period
	Source         string // a viewer gets at most one grant from a source
	By             string // the name of an operator
	Reason         string
	CreatedAt      time.Time
}

// MaxGrantDays is the largest number of days of a grant.
const MaxGrantDays = 366

var daysRange = fmt.Sprintf("must be between 1 and %d", MaxGrantDays)

// GrantRequest is a request to give time to a subscription, with the id for the grant.
type GrantRequest struct {
	ID     GrantID
	Days   int    // 1 to [MaxGrantDays]; 0 for one period of the subscription
	Source string // 1 to [MaxReason] characters, such as the name of an incident
	By     string
	Reason string // 1 to [MaxReason] characters
}

// Check returns an [InvalidError] with a fault for each field that is not valid.
func (r GrantRequest) Check() error {
	var f faults
	f.add(r.Days >= 0 && r.Days <= MaxGrantDays, "days", daysRange)
	f.addReason(r.Reason)
	f.addText("source", r.Source)
	return f.err()
}

// Give appends a grant to the paid time of a live subscription. It returns the
// subscription, the grant and the event.
//
// All later dates move by the length of the grant: the end of the period, the next charge
// and, if the subscription is past due, its retries and the end of its grace. So a viewer
// loses nothing that was announced, and the unpaid period begins after the grant. A grant
// of days moves the anchor, and later periods are counted from its end. A cancel, a hold
// and the agreed terms stay as they are. Errors:
//
//	ErrInvalid            a field of the request is not valid
//	ErrInvalidTransition  the subscription has ended, its first payment is pending, or a
//	                      payment for it is pending
func (s Subscription) Give(r GrantRequest, cal Calendar, now time.Time) (Subscription, Grant, []Event, error) {
	if err := r.Check(); err != nil {
		return s, Grant{}, nil, err
	}
	if err := s.refuseGrant(); err != nil {
		return s, Grant{}, nil, err
	}
	given := Period{s.Current.End, cal.AddDays(s.Current.End, r.Days)}
	if r.Days == 0 {
		given = cal.Next(s.AnchorAt, s.IntervalMonths, s.Current.End, s.Current.End)
	} else {
		s.AnchorAt = given.End
	}
	s = s.moved(given)
	return s, r.grant(s, given, now), []Event{s.event(EventPeriodGiven, now)}, nil
}

// grant returns the grant of the period to the subscription.
func (r GrantRequest) grant(s Subscription, given Period, now time.Time) Grant {
	return Grant{
		ID: r.ID, UserID: s.UserID, SubscriptionID: s.ID, Period: given,
		Source: strings.TrimSpace(r.Source), By: r.By, Reason: strings.TrimSpace(r.Reason), CreatedAt: now,
	}
}

// GiveNew returns a new subscription of the user to the plan, which the viewer does not pay
// for, with its grant and the event. It has no payment method and no agreed price: the price
// and the interval are those of the plan, to be shown. It begins now, is never charged, and
// ends with the grant, unless [Subscription.Give] appends more time to it.
//
// subs are subscriptions of the user, among them all live ones to plans of the group. A plan
// that is no longer sold cannot be given, because the viewer could not go on with it. Errors:
//
//	ErrInvalid            a field of the request is not valid
//	ErrPlanNotFound       the plan is no longer sold
//	ErrAlreadySubscribed  a live subscription to the plan gets the time instead
//	ErrPlanGroupTaken     a live subscription to another plan of the group gets the time instead
func (p Plan) GiveNew(id SubscriptionID, user UserID, subs []Subscription, r GrantRequest, cal Calendar, now time.Time) (Subscription, Grant, []Event, error) {
	if err := r.Check(); err != nil {
		return Subscription{}, Grant{}, nil, err
	}
	if err := p.RefuseGift(subs); err != nil {
		return Subscription{}, Grant{}, nil, err
	}
	s := Subscription{
		ID: id, UserID: user, PlanID: p.ID, PlanCode: p.Code, PlanGroup: p.Group,
		Price: p.Price, IntervalMonths: p.IntervalMonths,
		Status: StatusActive, AnchorAt: now, Current: Period{now, cal.AddDays(now, r.Days)},
		CancelAtPeriodEnd: true, CreatedAt: now, StartedAt: now,
	}
	if r.Days == 0 {
		s.Current = cal.Period(now, 0, p.IntervalMonths)
	}
	return s, r.grant(s, s.Current, now), []Event{s.event(EventPeriodGiven, now)}, nil
}

// RefuseGift returns the error of [Plan.GiveNew] if one of the viewer's subscriptions excludes
// the plan, or if it is no longer sold, or nil. Subscriptions to plans of other groups do not
// exclude it.
func (p Plan) RefuseGift(subs []Subscription) error {
	for _, s := range subs {
		switch {
		case !s.Live() || s.PlanGroup != p.Group && s.PlanID != p.ID:
		case s.PlanID == p.ID:
			return ErrAlreadySubscribed.WithMessage("the viewer has a live subscription to plan %s; give the time to it", p.Code)
		default:
			return ErrPlanGroupTaken.WithMessage(
				"the viewer has a live subscription to plan %s, which is in the same group as plan %s; give the time to it", s.PlanCode, p.Code)
		}
	}
	if !p.ArchivedAt.IsZero() {
		return ErrPlanNotFound.WithMessage("plan %s is no longer sold, so it cannot be given", p.Code)
	}
	return nil
}

// Given reports whether an operator gave the subscription to the viewer: see [Plan.GiveNew].
// It has no payment method, and no payment is ever made for it.
func (s Subscription) Given() bool { return s.MethodID == "" }

// refuseGiven returns [ErrInvalidTransition] if the subscription is a given one, because
// nothing can renew it. The message says how the viewer subscribes.
func (s Subscription) refuseGiven() error {
	if !s.Given() {
		return nil
	}
	return ErrInvalidTransition.WithMessage("%s", s.givenAdvice())
}

func (s Subscription) givenAdvice() string {
	return fmt.Sprintf("plan %s was given until %s and is not renewed; subscribe then, or cancel it with "+
		`POST /v1/subscriptions/%s/cancel and "at": "now", and subscribe`, s.PlanCode, s.Current.End.Format(time.RFC3339), s.PlanCode)
}

func (s Subscription) refuseGrant() error {
	switch {
	case s.Status == StatusEnded:
		return ErrInvalidTransition.WithMessage("the subscription has ended, so no time can be given to it; give the plan to the viewer")
	case s.Status == StatusIncomplete:
		return ErrInvalidTransition.WithMessage("the first payment of the subscription is being settled; give the time when it is paid")
	case s.Charging:
		return ErrInvalidTransition.WithMessage("a payment for the subscription is being settled at this moment; try again in a minute")
	}
	return nil
}

// moved returns the subscription with the given period appended to its current one.
func (s Subscription) moved(given Period) Subscription {
	by := given.End.Sub(given.Start)
	s.Current.End = given.End
	if s.Given() {
		return s
	}
	if s.Status == StatusActive {
		s.NextChargeAt = given.End
		return s
	}
	s.PastDueSince, s.GraceUntil = s.PastDueSince.Add(by), s.GraceUntil.Add(by)
	if s.Hold == "" {
		s.NextChargeAt = s.NextChargeAt.Add(by)
	}
	return s
}
