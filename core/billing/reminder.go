package billing

import "time"

// ReminderReason says why a viewer is reminded of a renewal.
type ReminderReason string

// The reasons for a reminder. A viewer gets at most one reminder for each reason and due date.
const (
	ReminderTrial ReminderReason = "trial"       // a given period ends, and the next one is charged
	ReminderLong  ReminderReason = "long_period" // the period to be charged has at least [LongPeriodMonths]
	ReminderLaw   ReminderReason = "law"         // a notice is required before every renewal
)

// LongPeriodMonths is the length of a period from which a reminder of its renewal is usual.
const LongPeriodMonths = 6

// NoticeMargin is how much earlier than required a notice is given, so that a renewal need
// not wait if no run is made for a day.
const NoticeMargin = 24 * time.Hour

// ReminderRules say which renewals a viewer is reminded of, and how long before the charge.
// The zero value asks for no reminder.
type ReminderRules struct {
	Trial  time.Duration // before a given period ends; 0 for no reminder
	Long   time.Duration // before a long period is charged; 0 for no reminder
	Notice time.Duration // a renewal is not charged before its reminder has this age; 0 if none is required
}

// Window returns how long before the charge a reminder is given, or 0 for no reminder.
func (r ReminderRules) Window(reason ReminderReason) time.Duration {
	var window time.Duration
	switch reason {
	case ReminderTrial:
		window = r.Trial
	case ReminderLong:
		window = r.Long
	case ReminderLaw:
		window = r.Notice
	}
	if window > 0 && r.Notice > 0 {
		window = max(window, r.Notice+NoticeMargin)
	}
	return window
}

// Reasons returns the reasons of r in the order in which they are checked. [ReminderLaw]
// comes last, because any other reminder of the same charge is a notice too.
func (r ReminderRules) Reasons() (list []ReminderReason) {
	for _, reason := range []ReminderReason{ReminderTrial, ReminderLong, ReminderLaw} {
		if r.Window(reason) > 0 {
			list = append(list, reason)
		}
	}
	return list
}

// ChargeAt returns when a renewal that is due at due is charged, if its reminder is given at
// now. A late notice delays the charge.
func (r ReminderRules) ChargeAt(due, now time.Time) time.Time {
	return latest(due, now.Add(r.Notice))
}

// NoticeBy returns the latest time of a reminder that permits a charge at now. It is zero if
// no reminder is required.
func (r ReminderRules) NoticeBy(now time.Time) time.Time {
	if r.Notice == 0 {
		return time.Time{}
	}
	return now.Add(-r.Notice)
}

// Reminders are the facts about the reminders of a subscription that [Subscription.Remind]
// needs.
type Reminders struct {
	Given    bool // the current period ends with a grant
	Reminded bool // there is a reminder of the next charge for the reason; for ReminderLaw, for any reason
}

// Renews reports whether a charge for the next period follows, with which the viewer's
// access goes on. It does not while the subscription is cancelled, past due or on hold, or
// while its plan is being ended.
func (s Subscription) Renews() bool {
	return s.Status == StatusActive && !s.EndsWithPeriod() && !s.Charging
}

// Remind returns the reminder of the next charge that is due at now for a reason, and false
// if none is. Only a required notice is given after the charge is due: the charge waits for
// it.
func (s Subscription) Remind(reason ReminderReason, r ReminderRules, has Reminders, now time.Time) (Event, bool) {
	window := r.Window(reason)
	wanted := s.Renews() && !has.Reminded && window > 0 && !s.NextChargeAt.After(now.Add(window))
	switch reason {
	case ReminderTrial:
		wanted = wanted && has.Given && s.NextChargeAt.After(now)
	case ReminderLong:
		wanted = wanted && s.IntervalMonths >= LongPeriodMonths && s.NextChargeAt.After(now)
	}
	if !wanted {
		return Event{}, false
	}
	e := s.event(EventRenewalReminder, now)
	e.Amount, e.Reason, e.ChargeAt = s.Price, reason, r.ChargeAt(s.Current.End, now)
	return e, true
}
