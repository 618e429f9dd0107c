package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// rechecks implements [ports.Rechecks].
type rechecks struct{ q *dbgen.Queries }

func (r rechecks) Schedule(ctx context.Context, after time.Duration, checks int, keys ...ports.PaymentKey) error {
	if len(keys) == 0 {
		return nil
	}
	users, ids := paymentIDs(keys)
	return r.q.PaymentsScheduleRecheck(ctx, dbgen.PaymentsScheduleRecheckParams{
		Again: after != 0, After: interval(after), Checks: int16(checks), UserIds: users, Ids: ids,
	})
}

func (r rechecks) LeaseForRecheck(ctx context.Context, q ports.SweepQuery) ([]ports.Recheck, error) {
	rows, err := r.q.PaymentsLeaseForRecheck(ctx, interval(q.Interval.Max), q.System, int32(q.Limit))
	return mapSlice(rows, func(row *dbgen.PaymentsLeaseForRecheckRow) ports.Recheck {
		return ports.Recheck{
			Payment: paymentOf(&row.Payment), Checks: int(row.Payment.Rechecks),
			Times: billing.SendTimes{First: row.Payment.FirstSentAt, Until: row.LeasedAt, Lookup: row.LeasedAt},
		}
	}), err
}
