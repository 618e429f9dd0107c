package billing_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestNewRetrySchedule(t *testing.T) {
	t.Parallel()
	hourly := make([]time.Duration, 31)
	for i := range hourly {
		hourly[i] = time.Duration(i+1) * time.Hour
	}
	tests := []struct {
		name  string
		steps []time.Duration
		ok    bool
	}{
		{"the default", []time.Duration{1 * days, 3 * days, 5 * days, 7 * days}, true},
		{"one step", []time.Duration{time.Minute}, true},
		{"30 steps", hourly[:30], true},
		{"31 steps", hourly, false},
		{"no steps", nil, false},
		{"immediately", []time.Duration{0, time.Hour}, false},
		{"a negative step", []time.Duration{-time.Hour, time.Hour}, false},
		{"the same step twice", []time.Duration{time.Hour, time.Hour}, false},
		{"a decreasing step", []time.Duration{time.Hour, 3 * time.Hour, 2 * time.Hour}, false},
		{"two decreasing steps", []time.Duration{3 * time.Hour, time.Hour, 2 * time.Hour, time.Hour}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := billing.NewRetrySchedule(tt.steps...)
			if tt.ok {
				expectSame(t, err, nil)
				return
			}
			var invalid *billing.InvalidError
			if !errors.As(err, &invalid) || len(invalid.Faults) != 1 || invalid.Faults[0].Field != "retry_schedule" {
				t.Errorf("got error %v, want one fault of retry_schedule", err)
			}
		})
	}
}

func TestNewRetrySchedule_CopiesSteps(t *testing.T) {
	t.Parallel()
	steps := []time.Duration{1 * days, 2 * days}
	r := schedule(steps...)
	steps[0] = time.Minute
	s, p := renewing(t)
	s, _, _ = s.Settle(p, declined(billing.DoNotHonor), r, utc, day(31))
	expectSame(t, s.NextChargeAt, day(32))
}

func TestSettle_FollowsSchedule(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		schedule billing.RetrySchedule
		delay    time.Duration // between a charge and its decline
		retries  []string      // the renewal was due on 1 April at noon
	}{
		{"the default", retries, 0,
			[]string{"2026-04-02T12:00:00Z", "2026-04-04T12:00:00Z", "2026-04-06T12:00:00Z", "2026-04-08T12:00:00Z"}},
		{"the default, each decline seven minutes late", retries, 7 * time.Minute,
			[]string{"2026-04-02T12:00:00Z", "2026-04-04T12:00:00Z", "2026-04-06T12:00:00Z", "2026-04-08T12:00:00Z"}},
		{"minutes", schedule(90*time.Minute, 3*time.Hour, 181*time.Minute), 0,
			[]string{"2026-04-01T13:30:00Z", "2026-04-01T15:00:00Z", "2026-04-01T15:01:00Z"}},
		{"one step", schedule(10 * days), time.Hour, []string{"2026-04-11T12:00:00Z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p := renewing(t)
			now := day(31).Add(tt.delay)
			last := instant(t, tt.retries[len(tt.retries)-1])
			for n, retryAt := range tt.retries {
				s, _, _ = s.Settle(p, declined(billing.InsufficientFunds), tt.schedule, utc, now)
				expectInstant(t, s.NextChargeAt, retryAt)
				expectSame(t, s.Status, billing.StatusPastDue)
				expectSame(t, s.PastDueSince, day(31))
				expectSame(t, s.GraceUntil, last)
				expectSame(t, s.AccessUntil(now, renewalGrace), last)
				if _, _, _, due := s.Bill("early", order().Method, utc, s.NextChargeAt.Add(-tick)); due {
					t.Errorf("retry %d is due too early", n+1)
				}
				s, p = bill(t, s, billing.PaymentID(fmt.Sprintf("try-%d", n+1)), s.NextChargeAt)
				expectSame(t, p.Period, billing.Period{Start: day(31), End: day(61)})
				now = p.CreatedAt.Add(tt.delay)
			}
			before := s
			s, _, events := s.Settle(p, declined(billing.InsufficientFunds), tt.schedule, utc, now)
			expectEnded(t, before, s, events, now,
				renewalEvent(billing.EventPaymentDeclined, p.ID, now, time.Time{}, billing.InsufficientFunds))
		})
	}
}

func TestSettle_EmptySchedule(t *testing.T) {
	t.Parallel()
	before, p := renewing(t)
	s, _, events := before.Settle(p, declined(billing.DoNotHonor), billing.RetrySchedule{}, billing.Calendar{}, day(31))
	expectEnded(t, before, s, events, day(31),
		renewalEvent(billing.EventPaymentDeclined, "pay-2", day(31), time.Time{}, billing.DoNotHonor))
}

// A late decline does not cost the viewer any retries.
func TestSettle_LateDecline(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		billed, known time.Time
		since         time.Time
	}{
		{"immediately", day(31), day(31), day(31)},
		{"hours later", day(31).Add(5 * time.Hour), day(31).Add(6 * time.Hour), day(31)},
		{"just before the first retry", day(31), day(32).Add(-tick), day(31)},
		{"at the first retry", day(31), day(32), day(32)},
		{"billed nine days late", day(40), day(40), day(40)},
		{"billed on time, known nine days later", day(31), day(40), day(40)},
		{"two periods late", day(100), day(100).Add(time.Hour), day(100).Add(time.Hour)},
		{"a period and an hour late", day(61).Add(time.Hour), day(61).Add(time.Hour), day(61)},
		{"known after the period is over", day(31), day(70), day(70)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p, _, due := active(t).Bill("pay-2", order().Method, utc, tt.billed)
			if !due {
				t.Fatal("no renewal is due")
			}
			s, _, events := s.Settle(p, declined(billing.DoNotHonor), retries, utc, tt.known)
			expectSame(t, s.Status, billing.StatusPastDue)
			expectSame(t, s.PastDueSince, tt.since)
			expectSame(t, s.NextChargeAt, tt.since.Add(1*days))
			expectSame(t, s.GraceUntil, tt.since.Add(7*days))
			want := renewalEvent(billing.EventPaymentDeclined, "pay-2", tt.known, tt.since.Add(7*days), billing.DoNotHonor)
			want.RetryAt = tt.since.Add(1 * days)
			expectSame(t, events, []billing.Event{want})
		})
	}
}

func TestSettle_SkipsMissedRetries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		tried time.Time
		next  time.Time // zero if the subscription ends
	}{
		{"the first step on time", day(32), day(34)},
		{"a day late", day(33), day(34)},
		{"just before the second step", day(34).Add(-tick), day(34)},
		{"at the second step", day(34), day(36)},
		{"after the second step", day(35), day(36)},
		{"after the third step", day(37), day(38)},
		{"at the last step", day(38), time.Time{}},
		{"after the last step", day(50), time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before, p := bill(t, pastDue(t), "pay-3", tt.tried)
			s, _, events := before.Settle(p, declined(billing.DoNotHonor), retries, utc, tt.tried)
			cause := renewalEvent(billing.EventPaymentDeclined, "pay-3", tt.tried, day(38), billing.DoNotHonor)
			if tt.next.IsZero() {
				cause.AccessUntil = time.Time{}
				expectEnded(t, before, s, events, tt.tried, cause)
				return
			}
			expectRetry(t, before, s, events, tt.next, cause)
		})
	}
}

func TestSettle_RetryAfter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		known time.Time // the renewal was due on day 31
		wait  time.Duration
		next  time.Time // zero if the subscription ends
		grace time.Time
	}{
		{"no wait", day(31), 0, day(32), day(38)},
		{"shorter than the schedule", day(31), time.Hour, day(32), day(38)},
		{"as long as the schedule", day(31), 1 * days, day(32), day(38)},
		{"a second longer than the schedule", day(31), 1*days + time.Second, day(32).Add(time.Second), day(38)},
		{"counted from the decline", day(31).Add(time.Hour), 1 * days, day(32).Add(time.Hour), day(38)},
		{"past the second step", day(31), 4 * days, day(35), day(38)},
		{"past the last step", day(31), 10 * days, day(41), day(41)},
		{"negative", day(31), -5 * days, day(32), day(38)},
		{"at a retry", day(36), 3 * days, day(39), day(39)},
		{"at the last retry", day(38), time.Hour, time.Time{}, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p := renewing(t)
			if tt.known.After(day(32)) {
				s, p = bill(t, pastDue(t), "pay-3", tt.known)
			}
			o := declined(billing.LimitExceeded)
			o.RetryAfter = tt.wait
			s, _, events := s.Settle(p, o, retries, utc, tt.known)
			expectSame(t, s.NextChargeAt, tt.next)
			expectSame(t, s.GraceUntil, tt.grace)
			expectSame(t, events[0].RetryAt, tt.next)
			expectSame(t, events[0].AccessUntil, tt.grace)
			if s.Live() == tt.next.IsZero() {
				t.Errorf("Status = %s", s.Status)
			}
		})
	}
}

func TestSettle_ScheduleContinuesAfterRetryAfter(t *testing.T) {
	t.Parallel()
	s, p := renewing(t)
	o := declined(billing.LimitExceeded)
	o.RetryAfter = 4 * days
	s, _, _ = s.Settle(p, o, retries, utc, day(31))
	s, p = bill(t, s, "pay-3", day(35))
	s, _, _ = s.Settle(p, declined(billing.LimitExceeded), retries, utc, day(35))
	expectSame(t, s.NextChargeAt, day(36))
	expectSame(t, s.PastDueSince, day(31))
}

func TestSettle_MaxGrace(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]billing.DeclineCode{
		28 * 24 * time.Hour: "", 28*24*time.Hour + time.Second: billing.LimitExceeded,
	} {
		s, p := bill(t, subscription(t, billing.StatusActive, false), "pay-2", day(31))
		s, _, _ = s.Settle(p, billing.Outcome{
			Status: billing.PaymentDeclined, DeclineCode: billing.LimitExceeded, RetryAfter: after,
		}, retries, utc, day(31))
		if s.Status != billing.StatusPastDue || s.Hold != want {
			t.Errorf("RetryAfter %v: %s, on hold for %q, want past_due, %q", after, s.Status, s.Hold, want)
		}
	}
	if _, err := billing.NewRetrySchedule(24*time.Hour, 29*24*time.Hour); !errors.Is(err, billing.ErrInvalid) {
		t.Errorf("NewRetrySchedule with 29 days: %v, want ErrInvalid", err)
	}
}
