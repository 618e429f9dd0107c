package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// grants implements [ports.Grants].
type grants struct {
	q  *dbgen.Queries
	tx tx
}

func (r grants) Add(ctx context.Context, g billing.Grant) error {
	return r.q.GrantAdd(ctx, dbgen.GrantAddParams{
		UserID: string(g.UserID), ID: string(g.ID), SubscriptionID: string(g.SubscriptionID),
		PeriodStart: g.Period.Start, PeriodEnd: g.Period.End,
		Source: g.Source, GivenBy: g.By, Reason: g.Reason, CreatedAt: g.CreatedAt,
	})
}

func (r grants) Give(ctx context.Context, given ...ports.Given) error {
	if len(given) == 0 {
		return nil
	}
	return r.tx.queueRows(len(given)).GrantsGive(ctx, dbgen.GrantsGiveParams{
		UserIds:         mapSlice(given, func(g ports.Given) string { return string(g.Grant.UserID) }),
		Ids:             mapSlice(given, func(g ports.Given) string { return string(g.Grant.ID) }),
		SubscriptionIds: mapSlice(given, func(g ports.Given) string { return string(g.Grant.SubscriptionID) }),
		PeriodStarts:    mapSlice(given, func(g ports.Given) time.Time { return g.Grant.Period.Start }),
		PeriodEnds:      mapSlice(given, func(g ports.Given) time.Time { return g.Grant.Period.End }),
		Sources:         mapSlice(given, func(g ports.Given) string { return g.Grant.Source }),
		GivenBys:        mapSlice(given, func(g ports.Given) string { return g.Grant.By }),
		Reasons:         mapSlice(given, func(g ports.Given) string { return g.Grant.Reason }),
		Created:         mapSlice(given, func(g ports.Given) time.Time { return g.Grant.CreatedAt }),
		Anchors:         mapSlice(given, func(g ports.Given) time.Time { return g.Subscription.AnchorAt }),
		NextCharges:     mapSlice(given, func(g ports.Given) time.Time { return g.Subscription.NextChargeAt }),
		PastDueSinces:   mapSlice(given, func(g ports.Given) time.Time { return g.Subscription.PastDueSince }),
		GraceUntils:     mapSlice(given, func(g ports.Given) time.Time { return g.Subscription.GraceUntil }),
	})
}

func (r grants) GivenTo(ctx context.Context, source string, users ...billing.UserID) ([]billing.UserID, error) {
	given, err := r.q.GrantsGivenTo(ctx, source, stringsOf(users))
	return mapSlice(given, func(u string) billing.UserID { return billing.UserID(u) }), err
}

func (v views) GrantCandidates(ctx context.Context, q ports.GrantQuery) ([]ports.GrantCandidate, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.GrantCandidatesRow, error) {
		return v.q.GrantCandidates(ctx, dbgen.GrantCandidatesParams{
			PlanID: string(q.Plan), Source: q.Source, WithinStart: q.Within.Start, WithinEnd: q.Within.End,
			AfterUser: cmp.Or(string(q.After), minID), Take: int32(q.Limit),
		})
	}, func(row *dbgen.GrantCandidatesRow) ports.GrantCandidate {
		return ports.GrantCandidate{
			Subscription: subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding), Given: row.Given, Earlier: row.Earlier,
		}
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
