package billing_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

func TestCalendar_Next(t *testing.T) {
	t.Parallel()
	const anchor = "2026-01-31T12:00:00Z"
	tests := []struct {
		name, zone string
		anchor     string
		months     int
		end, now   string
		start, to  string
	}{
		{"at the end", "UTC", anchor, 1, "2026-02-28T12:00:00Z", "2026-02-28T12:00:00Z", "2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z"},
		{"before the end", "UTC", anchor, 1, "2026-02-28T12:00:00Z", "2026-02-01T12:00:00Z", "2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z"},
		{"at the end of the following period", "UTC", anchor, 1, "2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z", "2026-03-31T12:00:00Z", "2026-04-30T12:00:00Z"},
		{"ten years later", "UTC", anchor, 1, "2026-02-28T12:00:00Z", "2036-02-29T12:00:00Z", "2036-02-29T12:00:00Z", "2036-03-31T12:00:00Z"},
		{"a quarter", "UTC", anchor, 3, "2026-04-30T12:00:00Z", "2026-11-01T12:00:00Z", "2026-10-31T12:00:00Z", "2027-01-31T12:00:00Z"},
		{"a year", "UTC", anchor, 12, "2027-01-31T12:00:00Z", "2027-02-01T12:00:00Z", "2027-01-31T12:00:00Z", "2028-01-31T12:00:00Z"},
		{"36 months", "UTC", anchor, 36, "2029-01-31T12:00:00Z", "2029-02-01T12:00:00Z", "2029-01-31T12:00:00Z", "2032-01-31T12:00:00Z"},
		{"a leap day", "UTC", "2024-02-29T12:00:00Z", 12, "2027-02-28T12:00:00Z", "2027-02-28T12:00:00Z", "2027-02-28T12:00:00Z", "2028-02-29T12:00:00Z"},
		{"end counted in UTC, calendar in Kiritimati", "Pacific/Kiritimati", "2026-01-30T12:00:00Z", 1,
			"2026-02-28T12:00:00Z", "2026-02-28T12:00:00Z", "2026-02-28T12:00:00Z", "2026-03-30T12:00:00Z"},
		{"end counted in Kiritimati, calendar in UTC", "UTC", "2026-01-30T12:00:00Z", 1,
			"2026-02-27T12:00:00Z", "2026-02-27T12:00:00Z", "2026-02-27T12:00:00Z", "2026-03-30T12:00:00Z"},
		{"end counted in UTC, three days later than in Los Angeles", "America/Los_Angeles", "2026-03-01T02:00:00Z", 1,
			"2026-04-01T02:00:00Z", "2026-04-01T02:00:00Z", "2026-04-01T02:00:00Z", "2026-04-29T01:00:00Z"},
		{"end counted in another zone, one period missed", "Pacific/Kiritimati", "2026-01-30T12:00:00Z", 1,
			"2026-02-28T12:00:00Z", "2026-04-02T12:00:00Z", "2026-03-30T12:00:00Z", "2026-04-29T12:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cal := billing.NewCalendar(zone(t, tt.zone))
			got := cal.Next(instant(t, tt.anchor), tt.months, instant(t, tt.end), instant(t, tt.now))
			expectInstant(t, got.Start, tt.start)
			expectInstant(t, got.End, tt.to)
		})
	}
}

// randomAnchor draws the start of a subscription and the length of its periods.
func randomAnchor(t *rapid.T) (anchor time.Time, months int) {
	anchor = time.UnixMicro(rapid.Int64Range(
		time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(),
		time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(),
	).Draw(t, "anchor")).UTC()
	return anchor, rapid.SampledFrom([]int{1, 1, 1, 2, 3, 6, 12, 36}).Draw(t, "months")
}

func testZones(t *testing.T) []*time.Location {
	t.Helper()
	var zones []*time.Location
	for _, name := range []string{
		"UTC", "Europe/Berlin", "Europe/Moscow", "America/New_York", "America/Los_Angeles", "Pacific/Apia",
		"Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata", "Asia/Beirut", "Australia/Lord_Howe",
	} {
		zones = append(zones, zone(t, name))
	}
	return zones
}

func TestCalendar_NextContainsNow(t *testing.T) {
	t.Parallel()
	zones := testZones(t)
	rapid.Check(t, func(t *rapid.T) {
		cal := billing.NewCalendar(rapid.SampledFrom(zones).Draw(t, "zone"))
		anchor, months := randomAnchor(t)
		k := rapid.IntRange(0, 60).Draw(t, "k")
		end := cal.Period(anchor, k, months).End
		now := end.Add(time.Duration(rapid.Int64Range(-30*24, 5*365*24).Draw(t, "hours")) * time.Hour)

		got := cal.Next(anchor, months, end, now)
		want := cal.Period(anchor, k+1, months)
		for n := k + 2; !now.Before(want.End); n++ {
			want = cal.Period(anchor, n, months)
		}
		if got != want {
			t.Fatalf("Next at %s after end %s = %v, want %v", now, end, got, want)
		}
	})
}

// BILLING_TIME_ZONE may change in the middle of a period. The next payment must
// still be for a whole period.
func TestCalendar_NextAfterZoneChange(t *testing.T) {
	t.Parallel()
	zones := testZones(t)
	rapid.Check(t, func(t *rapid.T) {
		old := billing.NewCalendar(rapid.SampledFrom(zones).Draw(t, "old zone"))
		cal := billing.NewCalendar(rapid.SampledFrom(zones).Draw(t, "new zone"))
		anchor, months := randomAnchor(t)
		k := rapid.IntRange(0, 60).Draw(t, "k")
		checkNext(t, cal, anchor, months, k, old.Period(anchor, k, months).End)
	})
}

func TestCalendar_NextAfterShiftedEnd(t *testing.T) {
	t.Parallel()
	zones := testZones(t)
	rapid.Check(t, func(t *rapid.T) {
		cal := billing.NewCalendar(rapid.SampledFrom(zones).Draw(t, "zone"))
		anchor, months := randomAnchor(t)
		k := rapid.IntRange(0, 60).Draw(t, "k")
		off := time.Duration(rapid.Int64Range(-14*60, 14*60).Draw(t, "minutes off")) * time.Minute
		checkNext(t, cal, anchor, months, k, cal.Period(anchor, k, months).End.Add(off))
	})
}

// checkNext checks the period after period k, whose stored end may differ from
// the end that cal computes.
func checkNext(t *rapid.T, cal billing.Calendar, anchor time.Time, months, k int, end time.Time) {
	t.Helper()
	got := cal.Next(anchor, months, end, end)
	if want := cal.Period(anchor, k+1, months).End; got.Start != end || got.End != want {
		t.Fatalf("Next after end %s = %v, want it to end at %s", end, got, want)
	}
	if length := got.End.Sub(got.Start); length < 24*time.Hour*time.Duration(months*30-6) {
		t.Fatalf("a period of %d months lasts %s", months, length)
	}
}
