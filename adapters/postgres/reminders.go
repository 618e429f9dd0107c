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
