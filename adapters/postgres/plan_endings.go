package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// planEndings implements [ports.PlanEndings].
type planEndings struct{ q *dbgen.Queries }

func (r planEndings) Add(ctx context.Context, e billing.PlanEnding) error {
	return r.q.PlanEndingAdd(ctx, dbgen.PlanEndingAddParams{
		PlanID: string(e.PlanID), StartedAt: e.StartedAt, Author: e.Author, Reason: e.Reason, Origin: e.From, Viewers: int32(e.Viewers),
	})
}

func (r planEndings) LockOpen(ctx context.Context) (billing.PlanEnding, billing.Plan, error) {
	row, err := r.q.PlanEndingLockOpen(ctx)
	if err != nil {
		return billing.PlanEnding{}, billing.Plan{}, orNotFound(err, billing.ErrNotFound)
	}
	return planEndingOf(&row.PlanEnding), planOf(&row.Plan), nil
}

func (r planEndings) Next(ctx context.Context, e billing.PlanEnding, limit int) ([]ports.SubscriptionKey, error) {
	rows, err := r.q.PlanEndingNext(ctx, string(e.PlanID), afterUser(e), int32(limit))
	return mapSlice(rows, func(row *dbgen.PlanEndingNextRow) ports.SubscriptionKey {
		return ports.SubscriptionKey{User: billing.UserID(row.UserID), ID: billing.SubscriptionID(row.ID)}
	}), err
}

func (r planEndings) Save(ctx context.Context, e billing.PlanEnding) error {
	return oneRow(r.q.PlanEndingSave(ctx, dbgen.PlanEndingSaveParams{
		PlanID: string(e.PlanID), StartedAt: e.StartedAt, AfterUser: afterUser(e),
		Cancelled: int32(e.Cancelled), Ended: int32(e.Ended), Failed: int32(e.Failed), DoneAt: e.DoneAt,
	}))
}

// afterUser returns the smallest id for an ending without progress.
func afterUser(e billing.PlanEnding) string { return cmp.Or(string(e.After), minID) }

func planEndingOf(row *dbgen.PlanEnding) billing.PlanEnding {
	e := billing.PlanEnding{
		PlanID: billing.PlanID(row.PlanID), StartedAt: row.StartedAt, Author: row.Author, Reason: row.Reason, From: row.Origin,
		Viewers: int(row.Viewers), Cancelled: int(row.Cancelled), Ended: int(row.Ended), Failed: int(row.Failed), DoneAt: row.DoneAt,
	}
	if row.AfterUser != minID {
		e.After = billing.UserID(row.AfterUser)
	}
	return e
}

func (v views) PlanEnding(ctx context.Context, id billing.PlanID) (billing.PlanEnding, error) {
	return queryOne(ctx, func(ctx context.Context) (billing.PlanEnding, error) {
		row, err := v.q.ViewPlanEnding(ctx, string(id))
		if err != nil {
			return billing.PlanEnding{}, orNotFound(err, billing.ErrNotFound)
		}
		return planEndingOf(row), nil
	})
}

func (v views) Renewing(ctx context.Context, id billing.PlanID) (ports.Renewing, error) {
	ctx, cancel := context.WithTimeout(ctx, renewingTimeout)
	defer cancel()
	row, err := v.q.ViewRenewing(ctx, string(id))
	if err != nil {
		return ports.Renewing{}, translate(err)
	}
	return ports.Renewing{Viewers: int(row.Viewers), FirstEnd: row.FirstEnd, LastEnd: row.LastEnd}, nil
}

// renewingTimeout is shorter than a request of the panel may take. The query reads all
// subscriptions: 600,000 in a second.
const renewingTimeout = 25 * time.Second
