package postgres

import (
	"cmp"
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// planGroups implements [ports.PlanGroups].
type planGroups struct{ q *dbgen.Queries }

func (r planGroups) Lock(ctx context.Context) error { return r.q.PlanGroupsLock(ctx) }

func (r planGroups) Conflicts(ctx context.Context, id billing.PlanID, group string, limit int) (int, []ports.GroupConflict, error) {
	rows, err := r.q.PlanGroupConflicts(ctx, int32(limit), group, string(id))
	if len(rows) == 0 {
		return 0, nil, err
	}
	return int(rows[0].Users), mapSlice(rows, func(row *dbgen.PlanGroupConflictsRow) ports.GroupConflict {
		return ports.GroupConflict{
			User: billing.UserID(row.UserID), ID: billing.SubscriptionID(row.ID),
			Other: billing.SubscriptionID(row.OtherID), OtherPlan: row.OtherPlan,
		}
	}), err
}

func (r planGroups) Relabel(ctx context.Context, id billing.PlanID, after billing.UserID, limit int) (billing.UserID, error) {
	last, err := r.q.PlanGroupRelabel(ctx, string(id), cmp.Or(string(after), minID), int32(limit))
	return billing.UserID(last), orNotFound(err, nil)
}
