package main

import (
	"time"

	"github.com/jackc/pgx/v5"
)

// paidPeriod is a period that was paid for.
type paidPeriod struct {
	Subscription string
	Anchor       time.Time
	Months       int
	Start, End   time.Time
	Waived       bool // the history tells that periods before it were waived
}

const selectPeriods = `
	SELECT s.id::text, s.anchor_at, s.interval_months, p.period_start, p.period_end,
		EXISTS (SELECT FROM events e WHERE e.user_id = s.user_id AND e.subscription_id = s.id AND e.type = 'periods_waived')
	FROM payments p JOIN subscriptions s ON s.user_id = p.user_id AND s.id = p.subscription_id
	WHERE p.status = 'succeeded'
	ORDER BY s.id, p.period_start`

// comparePeriods looks whether what was paid for are months, counted from the
// anchor, one after the other. It counts with nothing of the service's: a month
// has the anchor's day, or its own last one.
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
		case !counted:
			w.violated("I9: %s to %s is no month from %s on, in subscription %s", p.Start, p.End, p.Anchor, p.Subscription)
		case first && n != 0:
			w.violated("I9: subscription %s begins with its period %d", p.Subscription, n)
		case !first && !p.Start.Equal(previous.End) && !p.Waived:
			w.violated("I9: between %s and %s nothing was paid for subscription %s", previous.End, p.Start, p.Subscription)
		}
		previous = p
	}
}

// number says which period it is, from 0, and whether it is one at all.
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

func monthsAfter(anchor time.Time, months int) time.Time {
	last := time.Date(anchor.Year(), anchor.Month()+time.Month(months)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	day := time.Date(anchor.Year(), anchor.Month()+time.Month(months), min(anchor.Day(), last), 0, 0, 0, 0, time.UTC)
	return day.Add(anchor.Sub(anchor.Truncate(24 * time.Hour)))
}
