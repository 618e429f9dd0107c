package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/ports"
)

// runs implements [ports.Runs].
type runs struct{ q *dbgen.Queries }

func (r runs) Put(ctx context.Context, run ports.Run) error {
	s := run.Summary
	return r.q.RunUpsert(ctx, dbgen.RunUpsertParams{
		ID: run.ID, StartedAt: run.StartedAt, FinishedAt: run.FinishedAt,
		Settled: int64(s.Settled), Due: int64(s.Due), Renewed: int64(s.Renewed), Declined: int64(s.Declined), Held: int64(s.Held),
		Unknown: int64(s.Unknown), Ended: int64(s.Ended), Failed: int64(s.Failed), Waiting: int64(s.Waiting), Error: run.Error, GaveUp: run.GaveUp,
	})
}

func runOf(row *dbgen.RenewalRun) ports.Run {
	return ports.Run{
		ID: row.ID, StartedAt: row.StartedAt, FinishedAt: row.FinishedAt, Error: row.Error, GaveUp: row.GaveUp,
		Summary: ports.Summary{
			Settled: int(row.Settled), Due: int(row.Due), Renewed: int(row.Renewed), Declined: int(row.Declined), Held: int(row.Held),
			Unknown: int(row.Unknown), Ended: int(row.Ended), Failed: int(row.Failed), Waiting: int(row.Waiting),
		},
	}
}
