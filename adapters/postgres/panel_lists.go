package postgres

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// ExportViews reads outside of transactions.
func (s *Store) ExportViews() ports.ExportViews {
	q := dbgen.New(s.pool)
	return ports.ExportViews{Payments: paymentViews{q}, Events: lists{q}, Subscriptions: lists{q}}
}

// lists implements [ports.SubscriptionLists] and [ports.EventLists].
type lists struct{ q *dbgen.Queries }

func (l lists) Subscriptions(
	ctx context.Context, f ports.SubscriptionFilter, from, to ports.SubscriptionKey, limit int,
) ([]ports.SubscriptionRow, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.ListSubscriptionsRow, error) {
		since, until := timeSpan(f.Since, f.Until)
		return l.q.ListSubscriptions(ctx, dbgen.ListSubscriptionsParams{
			AfterUser: cmp.Or(string(from.User), minID), AfterID: cmp.Or(string(from.ID), minID),
			LastUser: cmp.Or(string(to.User), maxID), LastID: cmp.Or(string(to.ID), maxID),
			Since: since, Until: until, Plan: f.Plan, Status: string(f.Status), At: orEpoch(f.At), Take: int32(limit),
		})
	}, subscriptionRowOf)
}

func subscriptionRowOf(row *dbgen.ListSubscriptionsRow) ports.SubscriptionRow {
	return ports.SubscriptionRow{Subscription: subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding)}
}

func (l lists) Bound(ctx context.Context, from ports.SubscriptionKey, n int) (ports.SubscriptionKey, error) {
	return queryOne(ctx, func(ctx context.Context) (ports.SubscriptionKey, error) {
		row, err := l.q.ListSubscriptionsBound(ctx, cmp.Or(string(from.User), minID), cmp.Or(string(from.ID), minID), int32(n))
		if errors.Is(err, pgx.ErrNoRows) {
			return ports.SubscriptionKey{}, nil
		}
		if err != nil {
			return ports.SubscriptionKey{}, err
		}
		return ports.SubscriptionKey{User: billing.UserID(row.UserID), ID: billing.SubscriptionID(row.ID)}, nil
	})
}

func (l lists) Held(ctx context.Context, f ports.SubscriptionFilter, from ports.HeldKey, limit int) ([]ports.SubscriptionRow, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.ListSubscriptionsHeldRow, error) {
		after, _ := timeSpan(from.GraceUntil, time.Time{})
		return l.q.ListSubscriptionsHeld(ctx, dbgen.ListSubscriptionsHeldParams{
			AfterGrace: after, AfterUser: cmp.Or(string(from.User), minID), AfterID: cmp.Or(string(from.ID), minID),
			Hold: string(f.Hold), Plan: f.Plan, Take: int32(limit),
		})
	}, func(row *dbgen.ListSubscriptionsHeldRow) ports.SubscriptionRow {
		return subscriptionRowOf((*dbgen.ListSubscriptionsRow)(row))
	})
}

func (l lists) EventsAfter(ctx context.Context, since, until time.Time, after billing.EventID, limit int) ([]billing.Event, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Event, error) {
		return l.q.ListEventsAfter(ctx, dbgen.ListEventsAfterParams{
			Since: since, Until: until, AfterID: cmp.Or(string(after), minID), Take: int32(limit),
		})
	}, eventOf)
}
