package billing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestReminderRules_Window(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		rules billing.ReminderRules
		want  map[billing.ReminderReason]time.Duration
	}{
		{"none", billing.ReminderRules{}, nil},
		{"as configured", billing.ReminderRules{Trial: 7 * days, Long: 30 * days},
			map[billing.ReminderReason]time.Duration{billing.ReminderTrial: 7 * days, billing.ReminderLong: 30 * days}},
		{"a notice is required", billing.ReminderRules{Notice: 1 * days}, map[billing.ReminderReason]time.Duration{billing.ReminderLaw: 2 * days}},
		{"a longer notice than configured", billing.ReminderRules{Trial: 7 * days, Long: 30 * days, Notice: 10 * days},
			map[billing.ReminderReason]time.Duration{billing.ReminderTrial: 11 * days, billing.ReminderLong: 30 * days, billing.ReminderLaw: 11 * days}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var reasons []billing.ReminderReason
			for _, reason := range []billing.ReminderReason{billing.ReminderTrial, billing.ReminderLong, billing.ReminderLaw} {
				expectSame(t, tt.rules.Window(reason), tt.want[reason])
				if tt.want[reason] > 0 {
					reasons = append(reasons, reason)
				}
			}
			if got := tt.rules.Reasons(); !slices.Equal(got, reasons) {
				t.Errorf("reasons %q, want %q", got, reasons)
			}
		})
	}
}

func TestSubscription_Remind(t *testing.T) {
	t.Parallel()
	const trial, long, law = billing.ReminderTrial, billing.ReminderLong, billing.ReminderLaw
	usual := billing.ReminderRules{Trial: 7 * days, Long: 30 * days}
	required := billing.ReminderRules{Trial: 7 * days, Long: 30 * days, Notice: 1 * days}
	given, reminded := billing.Reminders{Given: true}, billing.Reminders{Given: true, Reminded: true}
	tests := []struct {
		name   string
		reason billing.ReminderReason
		rules  billing.ReminderRules
		has    billing.Reminders
		months int
		status billing.Status
		now    time.Time // the charge is due on day 31
		want   bool
		charge time.Time
	}{
		{"a given period ends in a week", trial, usual, given, 1, billing.StatusActive, day(24), true, day(31)},
		{"too early", trial, usual, given, 1, billing.StatusActive, day(24).Add(-1), false, time.Time{}},
		{"late, but before the charge", trial, usual, given, 1, billing.StatusActive, day(31).Add(-1), true, day(31)},
		{"the charge is due", trial, usual, given, 1, billing.StatusActive, day(31), false, time.Time{}},
		{"a paid period ends", trial, usual, billing.Reminders{}, 1, billing.StatusActive, day(24), false, time.Time{}},
		{"reminded already", trial, usual, reminded, 1, billing.StatusActive, day(24), false, time.Time{}},
		{"past due", trial, usual, given, 1, billing.StatusPastDue, day(31), false, time.Time{}},
		{"six months", long, usual, billing.Reminders{}, 6, billing.StatusActive, day(1), true, day(31)},
		{"five months", long, usual, billing.Reminders{}, 5, billing.StatusActive, day(1), false, time.Time{}},
		{"no notice is required", law, usual, billing.Reminders{}, 1, billing.StatusActive, day(31), false, time.Time{}},
		{"a notice in time", law, required, billing.Reminders{}, 1, billing.StatusActive, day(29), true, day(31)},
		{"a notice too early", law, required, billing.Reminders{}, 1, billing.StatusActive, day(29).Add(-1), false, time.Time{}},
		{"a late notice", law, required, billing.Reminders{}, 1, billing.StatusActive, day(31).Add(-time.Hour), true, day(32).Add(-time.Hour)},
		{"a notice after the charge is due", law, required, billing.Reminders{}, 1, billing.StatusActive, day(33), true, day(34)},
		{"a late reminder that is also a notice", trial, required, given, 1, billing.StatusActive, day(31).Add(-time.Hour), true, day(32).Add(-time.Hour)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := subscription(t, tt.status, false)
			s.IntervalMonths = tt.months
			e, ok := s.Remind(tt.reason, tt.rules, tt.has, tt.now)
			if ok != tt.want {
				t.Fatalf("reminded: %t, want %t", ok, tt.want)
			}
			want := billing.Event{
				UserID: s.UserID, Type: billing.EventRenewalReminder, At: tt.now, SubscriptionID: s.ID, PlanCode: s.PlanCode,
				AccessUntil: day(31), Amount: s.Price, Reason: tt.reason, ChargeAt: tt.charge,
			}
			if ok {
				expectSame(t, e, want)
			}
		})
	}
}

func TestSubscription_RemindNotIfNoChargeFollows(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*billing.Subscription){
		"cancelled":     func(s *billing.Subscription) { s.CancelAtPeriodEnd = true },
		"being charged": func(s *billing.Subscription) { s.Charging = true },
		"on hold": func(s *billing.Subscription) {
			s.Status, s.Hold, s.NextChargeAt = billing.StatusPastDue, billing.CardExpired, time.Time{}
		},
		"ended": func(s *billing.Subscription) { s.Status, s.NextChargeAt = billing.StatusEnded, time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subscription(t, billing.StatusActive, false)
			change(&s)
			rules := billing.ReminderRules{Trial: 7 * days, Long: 30 * days, Notice: 1 * days}
			for _, reason := range rules.Reasons() {
				if _, ok := s.Remind(reason, rules, billing.Reminders{Given: true}, day(30)); ok {
					t.Errorf("reminded for the reason %s", reason)
				}
			}
		})
	}
}
