package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/ports"
)

// maxDueCounted limits the count of due subscriptions.
const maxDueCounted = 10_000

// Backlog returns the pending payments, the subscriptions that are due at now, and
// the last finished run. It only reads indexes of pending and due rows, and counts
// at most 10,000 due subscriptions.
func (s *Store) Backlog(ctx context.Context, now time.Time) (ports.Backlog, error) {
	return queryOne(ctx, func(ctx context.Context) (b ports.Backlog, err error) {
		q := dbgen.New(s.pool)
		pending, err := q.BacklogPending(ctx)
		if err != nil {
			return b, err
		}
		due, err := q.BacklogDue(ctx, now, maxDueCounted)
		if err != nil {
			return b, err
		}
		run, err := q.BacklogLastRun(ctx)
		if err := orNotFound(err, nil); err != nil {
			return b, err
		}
		return ports.Backlog{
			Pending: int(pending.Pending), OldestPending: pending.Oldest,
			Due: int(due.Due), OldestDue: due.Oldest, LastRun: runOf(run),
		}, nil
	})
}
