package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

// grants implements [ports.Grants].
type grants struct{ q *dbgen.Queries }

func (r grants) Add(ctx context.Context, g billing.Grant) error {
	return r.q.GrantAdd(ctx, dbgen.GrantAddParams{
		UserID: string(g.UserID), ID: string(g.ID), SubscriptionID: string(g.SubscriptionID),
		PeriodStart: g.Period.Start, PeriodEnd: g.Period.End,
		Source: g.Source, GivenBy: g.By, Reason: g.Reason, CreatedAt: g.CreatedAt,
	})
}

func (r grants) Of(ctx context.Context, user billing.UserID) ([]billing.Grant, error) {
	rows, err := r.q.GrantsOf(ctx, string(user))
	return mapSlice(rows, grantOf), err
}

func grantOf(row *dbgen.Grant) billing.Grant {
	return billing.Grant{
		ID: billing.GrantID(row.ID), UserID: billing.UserID(row.UserID), SubscriptionID: billing.SubscriptionID(row.SubscriptionID),
		Period: billing.Period{Start: row.PeriodStart, End: row.PeriodEnd},
		Source: row.Source, By: row.GivenBy, Reason: row.Reason, CreatedAt: row.CreatedAt,
	}
}

// SubscriptionOwner returns the user of the subscription with this id, or
// [billing.ErrNotFound]. It reads the whole table.
func (s *Store) SubscriptionOwner(ctx context.Context, id billing.SubscriptionID) (billing.UserID, error) {
	owners, err := queryMany(ctx, func(ctx context.Context) ([]string, error) {
		return dbgen.New(s.pool).SubscriptionOwner(ctx, string(id))
	}, func(user string) billing.UserID { return billing.UserID(user) })
	if err == nil && len(owners) != 1 {
		err = billing.ErrNotFound.WithMessage("there is no subscription %s", id)
	}
	if err != nil {
		return "", err
	}
	return owners[0], nil
}
