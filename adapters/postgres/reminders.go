package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// reminders implements [ports.Reminders].
type reminders struct{ q *dbgen.Queries }

func (r reminders) Add(ctx context.Context, q ports.ReminderQuery) (ports.ReminderBatch, error) {
	from := orEpoch(q.From)
	if q.Reason != billing.ReminderLaw && !from.After(q.Now) {
		from = q.Now.Add(time.Microsecond) // only a required notice is given after the charge is due
	}
	row, err := r.q.RemindersAdd(ctx, dbgen.RemindersAddParams{
		Reason: string(q.Reason), Now: q.Now, FromAt: from, UntilAt: q.Now.Add(q.Rules.Window(q.Reason)),
		ChargeFrom: q.Rules.ChargeAt(time.Time{}, q.Now), Take: int32(len(q.IDs)),
		Ids: stringsOf(q.IDs),
	})
	if err != nil {
		return ports.ReminderBatch{}, err
	}
	return ports.ReminderBatch{Due: int(row.Due), Made: int(row.Made), Last: row.Last}, nil
}

// NextReminder returns the first moment after after, and not after until, at which a run makes
// a reminder, or a charge that waits for the age of its reminder. It is zero if there is none.
// The reminders that a run at now makes count, even if their moment has passed.
func (s *Store) NextReminder(ctx context.Context, rules billing.ReminderRules, now, after, until time.Time) (time.Time, error) {
	return queryOne(ctx, func(ctx context.Context) (first time.Time, err error) {
		q, from := dbgen.New(s.pool), orEpoch(after).Add(time.Microsecond)
		first, err = q.RemindersNextCharge(ctx, from, until)
		if err := orNotFound(err, nil); err != nil {
			return first, err
		}
		for _, reason := range rules.Reasons() {
			window := rules.Window(reason)
			chargeFrom := from.Add(window)
			if reason != billing.ReminderLaw && !chargeFrom.After(now) {
				chargeFrom = now.Add(time.Microsecond) // as in Add
			}
			charge, err := q.RemindersNext(ctx, chargeFrom, until.Add(window), string(reason))
			if err := orNotFound(err, nil); err != nil {
				return first, err
			}
			if at := charge.Add(-window); !charge.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		return first, nil
	})
}
