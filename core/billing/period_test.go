package billing_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the same zone data on every machine

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

func TestAddMonths_UTC(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		anchor string
		months int
		want   string
	}{
		{"zero months is the anchor", "2026-01-31T10:00:00Z", 0, "2026-01-31T10:00:00Z"},
		{"an ordinary day", "2026-04-15T10:00:00Z", 1, "2026-05-15T10:00:00Z"},
		{"28 January, one month", "2026-01-28T10:00:00Z", 1, "2026-02-28T10:00:00Z"},
		{"28 January, two months", "2026-01-28T10:00:00Z", 2, "2026-03-28T10:00:00Z"},
		{"29 January, one month", "2026-01-29T10:00:00Z", 1, "2026-02-28T10:00:00Z"},
		{"29 January, two months", "2026-01-29T10:00:00Z", 2, "2026-03-29T10:00:00Z"},
		{"30 January, one month", "2026-01-30T10:00:00Z", 1, "2026-02-28T10:00:00Z"},
		{"30 January, two months", "2026-01-30T10:00:00Z", 2, "2026-03-30T10:00:00Z"},
		{"31 January, one month", "2026-01-31T10:00:00Z", 1, "2026-02-28T10:00:00Z"},
		{"31 January, two months", "2026-01-31T10:00:00Z", 2, "2026-03-31T10:00:00Z"},
		{"31 January, three months", "2026-01-31T10:00:00Z", 3, "2026-04-30T10:00:00Z"},
		{"31 January, a year", "2026-01-31T10:00:00Z", 12, "2027-01-31T10:00:00Z"},
		{"31 January 2024, a leap year", "2024-01-31T10:00:00Z", 1, "2024-02-29T10:00:00Z"},
		{"31 January 2028, a leap year", "2028-01-31T10:00:00Z", 1, "2028-02-29T10:00:00Z"},
		{"31 January 2100, not a leap year", "2100-01-31T10:00:00Z", 1, "2100-02-28T10:00:00Z"},
		{"29 February, next month", "2024-02-29T10:00:00Z", 1, "2024-03-29T10:00:00Z"},
		{"29 February, next year", "2024-02-29T10:00:00Z", 12, "2025-02-28T10:00:00Z"},
		{"29 February, the next leap year", "2024-02-29T10:00:00Z", 48, "2028-02-29T10:00:00Z"},
		{"29 February to 2100", "2096-02-29T10:00:00Z", 48, "2100-02-28T10:00:00Z"},
		{"28 February, next month", "2026-02-28T10:00:00Z", 1, "2026-03-28T10:00:00Z"},
		{"over the year's end", "2026-12-31T23:59:59Z", 1, "2027-01-31T23:59:59Z"},
		{"over the year's end to February", "2026-12-31T00:00:00Z", 2, "2027-02-28T00:00:00Z"},
		{"three months", "2025-11-30T10:00:00Z", 3, "2026-02-28T10:00:00Z"},
		{"microseconds are kept", "2026-01-15T10:00:00.123456Z", 1, "2026-02-15T10:00:00.123456Z"},
	}
	var utc billing.Calendar
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expectInstant(t, utc.AddMonths(instant(t, tt.anchor), tt.months), tt.want)
		})
	}
}

func TestAddMonths_KeepsLocalTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone, anchor string
		months             int
		want               string
	}{
		{"winter to summer time", "Europe/Berlin", "2026-03-15T12:00:00+01:00", 1, "2026-04-15T12:00:00+02:00"},
		{"summer to winter time", "Europe/Berlin", "2026-10-15T12:00:00+02:00", 1, "2026-11-15T12:00:00+01:00"},
		{"the day before Berlin skips 02:30", "Europe/Berlin", "2026-02-28T02:30:00+01:00", 1, "2026-03-28T02:30:00+01:00"},
		{"Berlin skips 02:30", "Europe/Berlin", "2026-01-29T02:30:00+01:00", 2, "2026-03-29T03:30:00+02:00"},
		{"Berlin skips 02:00, the gap's first instant", "Europe/Berlin", "2026-01-29T02:00:00+01:00", 2, "2026-03-29T03:00:00+02:00"},
		{"Berlin has 03:00, the gap's end", "Europe/Berlin", "2026-01-29T03:00:00+01:00", 2, "2026-03-29T03:00:00+02:00"},
		{"the skipped time exists again a month later", "Europe/Berlin", "2026-01-29T02:30:00+01:00", 3, "2026-04-29T02:30:00+02:00"},
		{"Berlin has 02:30 twice: the first", "Europe/Berlin", "2026-09-25T02:30:00+02:00", 1, "2026-10-25T02:30:00+02:00"},
		{"Berlin has 02:00 twice: the first", "Europe/Berlin", "2026-09-25T02:00:00+02:00", 1, "2026-10-25T02:00:00+02:00"},
		{"Berlin has 03:00 once, after the overlap", "Europe/Berlin", "2026-09-25T03:00:00+02:00", 1, "2026-10-25T03:00:00+01:00"},
		{"an anchor at the second 02:30, zero months", "Europe/Berlin", "2026-10-25T02:30:00+01:00", 0, "2026-10-25T02:30:00+01:00"},
		{"an anchor at the second 02:30, next month", "Europe/Berlin", "2026-10-25T02:30:00+01:00", 1, "2026-11-25T02:30:00+01:00"},
		{"New York skips 02:30", "America/New_York", "2026-02-08T02:30:00-05:00", 1, "2026-03-08T03:30:00-04:00"},
		{"New York has 01:30 twice: the first", "America/New_York", "2026-10-01T01:30:00-04:00", 1, "2026-11-01T01:30:00-04:00"},
		{"New York has 02:00 once, after the overlap", "America/New_York", "2026-10-01T02:00:00-04:00", 1, "2026-11-01T02:00:00-05:00"},
		{"23:59 at the month's end", "Europe/Berlin", "2026-01-31T23:59:00+01:00", 1, "2026-02-28T23:59:00+01:00"},
		{"23:59, into summer time", "Europe/Berlin", "2026-01-31T23:59:00+01:00", 2, "2026-03-31T23:59:00+02:00"},
		{"31 January in Kamchatka is the 30th in UTC", "Asia/Kamchatka", "2026-01-31T08:00:00+12:00", 1, "2026-02-28T08:00:00+12:00"},
		{"1 February in Kamchatka is 31 January in UTC", "Asia/Kamchatka", "2026-02-01T08:00:00+12:00", 1, "2026-03-01T08:00:00+12:00"},
		{"31 January in Los Angeles is 1 February in UTC", "America/Los_Angeles", "2026-01-31T20:00:00-08:00", 1, "2026-02-28T20:00:00-08:00"},
		{"31 December in Los Angeles is the next year in UTC", "America/Los_Angeles", "2026-12-31T20:00:00-08:00", 2, "2027-02-28T20:00:00-08:00"},
		{"a leap day in Los Angeles is 1 March in UTC", "America/Los_Angeles", "2024-02-29T20:00:00-08:00", 12, "2025-02-28T20:00:00-08:00"},
		{"the day before Beirut skips midnight", "Asia/Beirut", "2026-02-28T00:00:00+02:00", 1, "2026-03-28T00:00:00+02:00"},
		{"Beirut skips midnight", "Asia/Beirut", "2026-01-29T00:00:00+02:00", 2, "2026-03-29T01:00:00+03:00"},
		{"Lord Howe changes the clock by half an hour", "Australia/Lord_Howe", "2026-09-04T02:15:00+10:30", 1, "2026-10-04T02:45:00+11:00"},
		{"Samoa skipped a whole day", "Pacific/Apia", "2011-11-30T12:00:00-10:00", 1, "2011-12-31T12:00:00+14:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cal := billing.NewCalendar(zone(t, tt.zone))
			expectInstant(t, cal.AddMonths(instant(t, tt.anchor), tt.months), tt.want)
		})
	}
}

func TestCalendar_Period(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		k, months  int
		start, end string
	}{
		{"the first month", 0, 1, "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"},
		{"the second month", 1, 1, "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z"},
		{"the first quarter", 0, 3, "2026-01-31T10:00:00Z", "2026-04-30T10:00:00Z"},
		{"the second quarter", 1, 3, "2026-04-30T10:00:00Z", "2026-07-31T10:00:00Z"},
		{"the first year", 0, 12, "2026-01-31T10:00:00Z", "2027-01-31T10:00:00Z"},
		{"the second year", 1, 12, "2027-01-31T10:00:00Z", "2028-01-31T10:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := billing.Calendar{}.Period(instant(t, "2026-01-31T10:00:00Z"), tt.k, tt.months)
			expectInstant(t, got.Start, tt.start)
			expectInstant(t, got.End, tt.end)
		})
	}
}

func TestCalendar_PeriodOfAnyAnchor(t *testing.T) {
	t.Parallel()
	names := []string{
		"UTC", "Europe/Berlin", "Europe/Moscow", "Europe/London", "America/New_York", "America/Los_Angeles",
		"America/St_Johns", "America/Sao_Paulo", "Asia/Kamchatka", "Asia/Kolkata", "Asia/Beirut", "Africa/Casablanca",
		"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati",
	}
	zones := make([]*time.Location, len(names))
	for i, name := range names {
		zones[i] = zone(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		loc := rapid.SampledFrom(zones).Draw(t, "zone")
		cal := billing.NewCalendar(loc)
		anchor := time.UnixMicro(rapid.Int64Range(
			time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(),
			time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(),
		).Draw(t, "anchor")).UTC()
		if rapid.Bool().Draw(t, "round") {
			anchor = anchor.Truncate(30 * time.Minute) // most clock changes are on the hour
		}
		length := rapid.SampledFrom([]int{1, 1, 1, 2, 3, 6, 12}).Draw(t, "months")

		if got := cal.Period(anchor, 0, length).Start; !got.Equal(anchor) {
			t.Fatalf("period 0 begins at %s, want the anchor %s", got, anchor)
		}
		for k := range 48 / length {
			p, next := cal.Period(anchor, k, length), cal.Period(anchor, k+1, length)
			if !p.Start.Before(p.End) {
				t.Fatalf("period %d ends before it begins: %s to %s", k, p.Start, p.End)
			}
			if p.End != next.Start {
				t.Fatalf("period %d ends at %s, but the next begins at %s", k, p.End, next.Start)
			}
			if p.End.Location() != time.UTC {
				t.Fatalf("period %d ends in zone %s, want UTC", k, p.End.Location())
			}
			wall := wallClock(anchor.In(loc), (k+1)*length)
			if want := firstInstantShowing(wall, loc); !p.End.Equal(want) {
				t.Fatalf("period %d ends at %s, want %s (local time %s)", k, p.End.In(loc), want.In(loc), wall)
			}
		}
	})
}

// wallClock returns the local date and time n months after local, as a time in
// UTC. It counts month by month, unlike the code under test.
func wallClock(local time.Time, n int) time.Time {
	year, month := local.Year(), local.Month()
	for range n {
		if month++; month > time.December {
			year, month = year+1, time.January
		}
	}
	days := []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
	if month == time.February && (year%4 == 0 && year%100 != 0 || year%400 == 0) {
		days = 29
	}
	hour, minute, second := local.Clock()
	return time.Date(year, month, min(local.Day(), days), hour, minute, second, local.Nanosecond(), time.UTC)
}

// firstInstantShowing returns the first instant at which clocks in loc show wall.
// It tries every UTC offset in force around wall. If a clock change skips wall, it
// uses the offset from before the change.
func firstInstantShowing(wall time.Time, loc *time.Location) time.Time {
	var first, earlier time.Time
	for at := wall.Add(-28 * time.Hour); at.Before(wall.Add(28 * time.Hour)); at = at.Add(15 * time.Minute) {
		_, seconds := at.In(loc).Zone()
		candidate := wall.Add(-time.Duration(seconds) * time.Second)
		if earlier.IsZero() {
			earlier = candidate
		}
		y, m, d := candidate.In(loc).Date()
		hour, minute, second := candidate.In(loc).Clock()
		shown := time.Date(y, m, d, hour, minute, second, candidate.Nanosecond(), time.UTC)
		if shown.Equal(wall) && (first.IsZero() || candidate.Before(first)) {
			first = candidate
		}
	}
	if first.IsZero() {
		return earlier
	}
	return first
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func expectInstant(t *testing.T, got time.Time, want string) {
	t.Helper()
	if !got.Equal(instant(t, want)) {
		t.Errorf("got %s, want %s", got.Format(time.RFC3339Nano), want)
	}
	if got.Location() != time.UTC {
		t.Errorf("got zone %s, want UTC", got.Location())
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
