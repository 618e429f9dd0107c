package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
)

// maxDueCounted is how many due subscriptions a look at the backlog counts.
const maxDueCounted = 10_000

// Backlog returns what waits to be done at now. It looks at indexes of what waits,
// and counts ten thousand due subscriptions at most.
func (s *Store) Backlog(ctx context.Context, now time.Time) (app.Backlog, error) {
	return one(ctx, func(ctx context.Context) (b app.Backlog, err error) {
		q := dbgen.New(s.pool)
		pending, err := q.PaymentsPending(ctx)
		if err != nil {
			return b, err
		}
		due, err := q.SubscriptionsBacklog(ctx, now, maxDueCounted)
		if err != nil {
			return b, err
		}
		run, err := q.RunLastEnded(ctx)
		if err := orNotFound(err, nil); err != nil {
			return b, err
		}
		return app.Backlog{
			Pending: int(pending.Pending), OldestPending: pending.Oldest,
			Due: int(due.Due), OldestDue: due.Oldest, LastRun: runOf(run),
		}, nil
	})
}
