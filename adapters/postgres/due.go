package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
)

func (r subscriptions) LockDue(ctx context.Context, q app.DueQuery) ([]app.Due, error) {
	rows, err := r.q.SubscriptionsLockDue(ctx, dbgen.SubscriptionsLockDueParams{
		FromAt: beginning(q.From), Now: q.Now, Systems: q.Systems, Take: int32(q.Limit),
	})
	due, tokens := make([]app.Due, len(rows)), r.tokens.snapshot()
	for i, row := range rows {
		due[i] = tokens.dueOf(&row.Subscription, row.PlanCode, dbgen.PaymentMethod{
			Token: row.Token, TokenCt: row.TokenCt, TokenKeyID: row.TokenKeyID, CardID: row.CardID,
			CreatedAt: row.LinkedAt, RemovedAt: row.RemovedAt,
		})
		due[i].Version = app.Version(row.Version)
	}
	return due, err
}

// duePage is how many due subscriptions are read at a time.
const duePage = 5000

// Due reads a page at a time, so that neither memory nor a snapshot is held for
// long.
func (v views) Due(ctx context.Context, q app.DueQuery, each func(app.Due) error) error {
	after := dbgen.ViewDueParams{
		FromAt: beginning(q.From), AfterUser: noID, AfterID: noID,
		Now: q.Now, Systems: q.Systems, AnySystem: q.Systems == nil,
	}
	for left := q.Limit; q.Limit == 0 || left > 0; left -= duePage {
		after.Take = duePage
		if q.Limit > 0 {
			after.Take = int32(min(duePage, left))
		}
		tokens := v.tokens.snapshot()
		list, err := read(ctx, func(ctx context.Context) ([]*dbgen.ViewDueRow, error) { return v.q.ViewDue(ctx, after) },
			func(row *dbgen.ViewDueRow) app.Due {
				return tokens.dueOf(&row.Subscription, row.PlanCode, dbgen.PaymentMethod{
					Token: row.Token, TokenCt: row.TokenCt, TokenKeyID: row.TokenKeyID, CardID: row.CardID,
					CreatedAt: row.LinkedAt, RemovedAt: row.RemovedAt,
				})
			})
		if err != nil {
			return err
		}
		for _, d := range list {
			if err := each(d); err != nil {
				return err
			}
		}
		if len(list) < int(after.Take) {
			return nil
		}
		last := list[len(list)-1]
		after.FromAt, after.AfterUser, after.AfterID = last.NextChargeAt, string(last.UserID), string(last.ID)
	}
	return nil
}

func (v views) CountDue(ctx context.Context, q app.DueQuery) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	n, err := v.q.ViewCountDue(ctx, dbgen.ViewCountDueParams{
		FromAt: beginning(q.From), Now: q.Now, Systems: q.Systems, AnySystem: q.Systems == nil,
	})
	return int(n), translate(err)
}

const noID = "00000000-0000-0000-0000-000000000000"

// beginning is a time for queries, where the zero time would be NULL.
func beginning(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t
}

// dueOf puts together what was read. Of the method only that is read which the
// subscription does not say.
func (t tokens) dueOf(s *dbgen.Subscription, planCode string, m dbgen.PaymentMethod) app.Due {
	m.UserID, m.ID, m.PaymentSystem = s.UserID, s.PaymentMethodID, s.PaymentSystem
	return app.Due{Subscription: subscriptionOf(s, planCode), Method: t.methodOf(&m)}
}
