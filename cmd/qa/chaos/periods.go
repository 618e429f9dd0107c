package main

import (
	"time"

	"github.com/jackc/pgx/v5"
)

// paidPeriod is a period with a succeeded payment.
type paidPeriod struct {
	Subscription string
	Anchor       time.Time
	Months       int
	Start, End   time.Time
	Waived       bool // the history has an event that periods were waived
	Given        bool // the period is given, not paid
	Moved        bool // a grant has moved the anchor
}

const selectPeriods = `
	SELECT s.id::text, s.anchor_at, s.interval_months, p.period_start, p.period_end,
		EXISTS (SELECT FROM events e WHERE e.user_id = s.user_id AND e.subscription_id = s.id AND e.type = 'periods_waived'),
		p.given, EXISTS (SELECT FROM grants g WHERE g.user_id = s.user_id AND g.subscription_id = s.id)
	FROM (SELECT user_id, subscription_id, period_start, period_end, false AS given FROM payments WHERE status = 'succeeded'
		UNION ALL SELECT user_id, subscription_id, period_start, period_end, true FROM grants) p
	JOIN subscriptions s ON s.user_id = p.user_id AND s.id = p.subscription_id
	ORDER BY s.id, p.period_start`

// auditPeriods checks that the paid and given periods are consecutive, and that the paid ones
// are months, counted from the anchor. A grant moves the anchor to its end, so earlier
// periods are not counted. It does not use the service's own calendar. A month begins on the anchor's
// day, or on the month's last day if that comes earlier.
func (w *world) auditPeriods() {
	rows, err := w.pool.Query(w.ctx, selectPeriods)
	if err != nil {
		w.violated("I9: cannot be checked: %v", err)
		return
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[paidPeriod])
	if err != nil {
		w.violated("I9: cannot be checked: %v", err)
	}
	previous := paidPeriod{}
	for _, p := range list {
		first := p.Subscription != previous.Subscription
		n, counted := p.index()
		switch {
		case !counted && !p.Given && (!p.Moved || !p.Start.Before(p.Anchor)):
			w.violated("I9: %s to %s is not a period counted from the anchor %s of subscription %s", p.Start, p.End, p.Anchor, p.Subscription)
		case first && n != 0 && !p.Moved:
			w.violated("I9: the first paid period of subscription %s is period %d, want 0", p.Subscription, n)
		case !first && !p.Start.Equal(previous.End) && !p.Waived:
			w.violated("I9: the time from %s to %s is neither paid nor given in subscription %s", previous.End, p.Start, p.Subscription)
		}
		previous = p
	}
}

// index returns the number of the period, from 0. It returns false if p is not a period
// counted from the anchor.
func (p paidPeriod) index() (int, bool) {
	for n := range 1200 {
		start := monthsAfter(p.Anchor.UTC(), n*p.Months)
		if start.Equal(p.Start) {
			return n, monthsAfter(p.Anchor.UTC(), (n+1)*p.Months).Equal(p.End)
		}
		if start.After(p.Start) {
			break
		}
	}
	return 0, false
}

// monthsAfter returns the time n months after anchor, or the last day of that month.
func monthsAfter(anchor time.Time, months int) time.Time {
	last := time.Date(anchor.Year(), anchor.Month()+time.Month(months)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	day := time.Date(anchor.Year(), anchor.Month()+time.Month(months), min(anchor.Day(), last), 0, 0, 0, 0, time.UTC)
	return day.Add(anchor.Sub(anchor.Truncate(24 * time.Hour)))
}
