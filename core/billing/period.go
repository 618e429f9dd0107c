package billing

import "time"

// Period is the time that one payment pays for: from Start up to, but not
// including, End.
type Period struct{ Start, End time.Time }

// Calendar counts months in one time zone. The zero Calendar counts in UTC.
type Calendar struct{ loc *time.Location }

// NewCalendar returns a calendar that counts in loc.
func NewCalendar(loc *time.Location) Calendar { return Calendar{loc} }

// AddMonths returns the instant that is n months after anchor, at the same
// local time of day, in UTC.
//
// Always count from the anchor, never from an earlier result. One month after
// 31 January is the last day of February, and two months after it is 31 March.
//
// If a clock change skips the local time, the result moves forward by the length
// of the gap. If the local time occurs twice, the result is the first occurrence
// (RFC 5545, section 3.3.5).
func (c Calendar) AddMonths(anchor time.Time, n int) time.Time {
	if n == 0 {
		return anchor.UTC()
	}
	local := anchor.In(c.location())
	year, month, day := local.Date()
	first := time.Date(year, month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	return c.onDay(first.Year(), first.Month(), min(day, daysIn(first)), local)
}

// AddDays returns the instant that is n days after t, at the same local time of day, in
// UTC. Clock changes count as in AddMonths.
func (c Calendar) AddDays(t time.Time, n int) time.Time {
	local := t.In(c.location())
	year, month, day := local.Date()
	return c.onDay(year, month, day+n, local)
}

// StartOfDay returns the first instant of the day of t, in UTC.
func (c Calendar) StartOfDay(t time.Time) time.Time {
	year, month, day := t.In(c.location()).Date()
	return resolve(time.Date(year, month, day, 0, 0, 0, 0, time.UTC), c.location())
}

// onDay returns the instant of the day at which clocks show the time of day of local.
func (c Calendar) onDay(year int, month time.Month, day int, local time.Time) time.Time {
	hour, minute, second := local.Clock()
	return resolve(time.Date(year, month, day, hour, minute, second, local.Nanosecond(), time.UTC), c.location())
}

func (c Calendar) location() *time.Location {
	if c.loc == nil {
		return time.UTC
	}
	return c.loc
}

// Period returns the k-th period of the given length in months. Periods are
// counted from the anchor, and period 0 begins at it.
func (c Calendar) Period(anchor time.Time, k, months int) Period {
	return Period{c.AddMonths(anchor, k*months), c.AddMonths(anchor, (k+1)*months)}
}

// monthEnd returns the first instant after the month, in UTC.
func (c Calendar) monthEnd(year int, month time.Month) time.Time {
	return resolve(time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC), c.location())
}

// days returns the number of midnights from one time to a later one.
func (c Calendar) days(from, to time.Time) int {
	day := func(t time.Time) int64 {
		y, m, d := t.In(c.location()).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
	}
	return int(day(to) - day(from))
}

// Next returns the period to pay for at now, after a period that ended at end.
// It begins at end, unless whole periods have passed since. In that case it is
// the period that contains now, counted from the anchor.
func (c Calendar) Next(anchor time.Time, months int, end, now time.Time) Period {
	k := c.periodIndex(anchor, months, end)
	next := Period{end, c.AddMonths(anchor, (k+1)*months)}
	for !now.Before(next.End) {
		k++
		next = c.Period(anchor, k, months)
	}
	return next
}

// periodIndex returns the number of periods from the anchor to t. It rounds to
// the nearest one, because t may have been counted in another time zone.
func (c Calendar) periodIndex(anchor time.Time, months int, t time.Time) int {
	years, month := t.Year()-anchor.Year(), int(t.Month()-anchor.Month())
	k := (12*years + month) / months
	if c.AddMonths(anchor, k*months).Equal(t) { // the usual case
		return k
	}
	for c.AddMonths(anchor, (k+1)*months).Sub(t) <= t.Sub(c.AddMonths(anchor, k*months)) {
		k++
	}
	for k > 0 && t.Sub(c.AddMonths(anchor, (k-1)*months)) < c.AddMonths(anchor, k*months).Sub(t) {
		k--
	}
	return k
}

func daysIn(firstOfMonth time.Time) int { return firstOfMonth.AddDate(0, 1, -1).Day() }

// resolve returns the instant at which clocks in loc show wall. It does not use
// time.Date, which leaves the result open for times that a clock change skips or
// repeats.
func resolve(wall time.Time, loc *time.Location) time.Time {
	before := wall.Add(-offset(wall.Add(-24*time.Hour), loc))
	after := wall.Add(-offset(wall.Add(24*time.Hour), loc))
	if before.Add(offset(before, loc)).Equal(wall) {
		return before // the first occurrence, if there are two
	}
	if after.Add(offset(after, loc)).Equal(wall) {
		return after
	}
	return before // skipped: use the offset from before the gap
}

func offset(t time.Time, loc *time.Location) time.Duration {
	_, seconds := t.In(loc).Zone()
	return time.Duration(seconds) * time.Second
}
