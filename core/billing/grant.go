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
	return s, Grant{
		ID: r.ID, UserID: s.UserID, SubscriptionID: s.ID, Period: given,
		Source: strings.TrimSpace(r.Source), By: r.By, Reason: strings.TrimSpace(r.Reason), CreatedAt: now,
	}, []Event{s.event(EventPeriodGiven, now)}, nil
}

func (s Subscription) refuseGrant() error {
	switch {
	case s.Status == StatusEnded:
		return ErrInvalidTransition.WithMessage("the subscription has ended, so no time can be given to it")
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
