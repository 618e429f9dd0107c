package billing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestBill_FourYearsOfRenewals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone, anchor string
		after48            string // start of the period 48 months later, computed by hand
	}{
		{"28 January", "UTC", "2026-01-28T10:00:00Z", "2030-01-28T10:00:00Z"},
		{"29 January", "UTC", "2026-01-29T10:00:00Z", "2030-01-29T10:00:00Z"},
		{"30 January", "UTC", "2026-01-30T10:00:00Z", "2030-01-30T10:00:00Z"},
		{"31 January", "UTC", "2026-01-31T10:00:00Z", "2030-01-31T10:00:00Z"},
		{"31 January of a leap year", "UTC", "2024-01-31T10:00:00Z", "2028-01-31T10:00:00Z"},
		{"28 February", "UTC", "2023-02-28T10:00:00Z", "2027-02-28T10:00:00Z"},
		{"28 February of a leap year", "UTC", "2024-02-28T10:00:00Z", "2028-02-28T10:00:00Z"},
		{"29 February", "UTC", "2024-02-29T10:00:00Z", "2028-02-29T10:00:00Z"},
		{"29 February, 48 months before 2100, which has no leap day", "UTC", "2096-02-29T10:00:00Z", "2100-02-28T10:00:00Z"},
		{"31 March", "UTC", "2026-03-31T10:00:00Z", "2030-03-31T10:00:00Z"},
		{"30 April", "UTC", "2026-04-30T10:00:00Z", "2030-04-30T10:00:00Z"},
		{"31 May, at 23:59", "UTC", "2026-05-31T23:59:00Z", "2030-05-31T23:59:00Z"},
		{"31 August, at midnight", "UTC", "2026-08-31T00:00:00Z", "2030-08-31T00:00:00Z"},
		{"30 November", "UTC", "2025-11-30T10:00:00Z", "2029-11-30T10:00:00Z"},
		{"the last second of a year", "UTC", "2026-12-31T23:59:59Z", "2030-12-31T23:59:59Z"},
		{"the first second of a year", "UTC", "2027-01-01T00:00:00Z", "2031-01-01T00:00:00Z"},
		{"mid-month, with microseconds", "UTC", "2026-06-15T12:34:56.789012Z", "2030-06-15T12:34:56.789012Z"},
		{"Berlin, 31 January, at 23:59", "Europe/Berlin", "2026-01-31T23:59:00+01:00", "2030-01-31T23:59:00+01:00"},
		{"Berlin, 31 December at 23:59", "Europe/Berlin", "2025-12-31T23:59:00+01:00", "2029-12-31T23:59:00+01:00"},
		{"Berlin, 29 February, at 23:59", "Europe/Berlin", "2024-02-29T23:59:00+01:00", "2028-02-29T23:59:00+01:00"},
		{"Berlin, a time skipped two months later", "Europe/Berlin", "2026-01-29T02:30:00+01:00", "2030-01-29T02:30:00+01:00"},
		{"Berlin, a time repeated two months later", "Europe/Berlin", "2026-08-25T02:30:00+02:00", "2030-08-25T02:30:00+02:00"},
		{"Berlin, the last minute of winter time", "Europe/Berlin", "2026-03-29T01:59:00+01:00", "2030-03-29T01:59:00+01:00"},
		{"Berlin, the first minute of summer time", "Europe/Berlin", "2026-03-29T03:00:00+02:00", "2030-03-29T03:00:00+01:00"},
		{"Berlin, the first of two 02:30", "Europe/Berlin", "2026-10-25T02:30:00+02:00", "2030-10-25T02:30:00+02:00"},
		{"Berlin, the second of two 02:30", "Europe/Berlin", "2026-10-25T02:30:00+01:00", "2030-10-25T02:30:00+02:00"},
		{"New York, 31 January, at 23:59", "America/New_York", "2026-01-31T23:59:00-05:00", "2030-01-31T23:59:00-05:00"},
		{"New York, 31 December at 23:59", "America/New_York", "2025-12-31T23:59:00-05:00", "2029-12-31T23:59:00-05:00"},
		{"New York, 29 February, 1 March in UTC", "America/New_York", "2024-02-29T20:00:00-05:00", "2028-02-29T20:00:00-05:00"},
		{"New York, 30 January, the 31st in UTC", "America/New_York", "2026-01-30T19:30:00-05:00", "2030-01-30T19:30:00-05:00"},
		{"New York, a time skipped one month later", "America/New_York", "2026-02-08T02:30:00-05:00", "2030-02-08T02:30:00-05:00"},
		{"New York, the first minute of summer time", "America/New_York", "2026-03-08T03:00:00-04:00", "2030-03-08T03:00:00-05:00"},
		{"New York, the first of two 01:30", "America/New_York", "2026-11-01T01:30:00-04:00", "2030-11-01T01:30:00-04:00"},
		{"New York, the second of two 01:30", "America/New_York", "2026-11-01T01:30:00-05:00", "2030-11-01T01:30:00-04:00"},
		{"Moscow abolishes winter time", "Europe/Moscow", "2010-12-31T23:59:00+03:00", "2014-12-31T23:59:00+03:00"},
		{"Moscow, a time skipped by the change of 2011", "Europe/Moscow", "2011-01-27T02:30:00+03:00", "2015-01-27T02:30:00+03:00"},
		{"Moscow, the second 02:30 of its last winter time", "Europe/Moscow", "2010-10-31T02:30:00+03:00", "2014-10-31T02:30:00+03:00"},
		{"Moscow, a time repeated by the change of 2014", "Europe/Moscow", "2014-09-26T01:30:00+04:00", "2018-09-26T01:30:00+03:00"},
		{"Samoa, on the day of the month that it skips", "Pacific/Apia", "2011-11-30T12:00:00-10:00", "2015-11-30T12:00:00+14:00"},
		{"Kamchatka, 1 February, 31 January in UTC", "Asia/Kamchatka", "2026-02-01T08:00:00+12:00", "2030-02-01T08:00:00+12:00"},
		{"Los Angeles, 31 December, the next year in UTC", "America/Los_Angeles", "2026-12-31T20:00:00-08:00", "2030-12-31T20:00:00-08:00"},
	}
	for _, tt := range tests {
		for _, plan := range []struct{ months, steps int }{{1, 48}, {3, 16}, {12, 12}} {
			for how, late := range map[string][]time.Duration{"on time": onTime(), "always late": alwaysLate()} {
				t.Run(fmt.Sprintf("%s/%d months/%s", tt.name, plan.months, how), func(t *testing.T) {
					t.Parallel()
					loc := zone(t, tt.zone)
					s := renew(t, instant(t, tt.anchor), plan.months, plan.steps, loc, late)
					if plan.months*plan.steps == 48 {
						expectInstant(t, s.Current.Start, tt.after48)
					}
				})
			}
		}
	}
}

func onTime() []time.Duration { return []time.Duration{0} }

func alwaysLate() []time.Duration {
	return []time.Duration{time.Microsecond, time.Minute, 3 * time.Hour, 26 * time.Hour, 9 * 24 * time.Hour, 27 * 24 * time.Hour}
}

// renew renews a subscription steps times and checks every date. Each renewal is
// late by the next value of late.
func renew(t *testing.T, anchor time.Time, months, steps int, loc *time.Location, late []time.Duration) billing.Subscription {
	t.Helper()
	cal := billing.NewCalendar(loc)
	expected := func(k int) time.Time { return firstInstantShowing(wallClock(anchor.In(loc), k*months), loc) }
	s := startedAndPaid(t, anchor, months, cal)
	for k := 1; k <= steps; k++ {
		if due := expected(k); !s.NextChargeAt.Equal(due) {
			t.Fatalf("renewal %d is due at %s, want %s", k, s.NextChargeAt.In(loc), due.In(loc))
		}
		id := billing.PaymentID(fmt.Sprintf("renewal-%d", k))
		now := s.NextChargeAt.Add(late[k%len(late)])
		billed, p, events, due := s.Bill(id, order().Method, cal, now)
		if !due || len(events) > 0 {
			t.Fatalf("renewal %d: due = %v, events %v", k, due, events)
		}
		if !p.Period.Start.Equal(expected(k)) || !p.Period.End.Equal(expected(k+1)) {
			t.Fatalf("renewal %d is for %s to %s, want %s to %s", k,
				p.Period.Start.In(loc), p.Period.End.In(loc), expected(k).In(loc), expected(k+1).In(loc))
		}
		settled, _, events := billed.Settle(p, paid(399_00), retries, utc, now.Add(90*time.Minute))
		if len(events) != 1 || events[0].Type != billing.EventRenewed || settled.Current != p.Period || !settled.AnchorAt.Equal(anchor) {
			t.Fatalf("renewal %d settled as %+v, events %v", k, settled, events)
		}
		s = settled
	}
	return s
}
