package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/adapters/postgres/internal/wire"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// orders implements [ports.Checkout] in one round trip.
type orders struct {
	tx      tx
	methods methods
}

func (r orders) Take(ctx context.Context, queries ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	if len(queries) == 0 {
		return nil, nil
	}
	if claims := claimParams(queries); len(claims.Keys) > 0 {
		if err := r.tx.queue().IdempotencyKeysClaim(ctx, claims); err != nil {
			return nil, err
		}
	}
	lookups, err := r.methods.tokens.lookups(queries)
	if err != nil {
		return nil, err
	}
	codes, ids := mapSlice(queries, func(o ports.CheckoutQuery) string { return o.Plan }), mapSlice(queries, planID)
	users := mapSlice(queries, func(o ports.CheckoutQuery) string { return string(o.User) })
	systems := mapSlice(queries, func(o ports.CheckoutQuery) string { return o.PaymentSystem })
	since := mapSlice(queries, func(o ports.CheckoutQuery) time.Time { return o.DeclinedSince })
	var rows orderRows
	err = r.tx.QueryTogether(ctx,
		func(db wire.DB) (err error) {
			rows.plans, err = dbgen.New(db).PlansForShare(ctx, codes, ids)
			return err
		},
		func(db wire.DB) (err error) {
			rows.systems, err = dbgen.New(db).PaymentSystemsNamed(ctx, systems)
			return err
		},
		func(db wire.DB) (err error) {
			rows.live, err = dbgen.New(db).SubscriptionsLive(ctx, users, codes, ids)
			return err
		},
		func(db wire.DB) (err error) {
			owners, of, fingerprints := lookups.params()
			rows.methods, err = dbgen.New(db).MethodsByToken(ctx, owners, of, fingerprints)
			return err
		},
		func(db wire.DB) (err error) {
			rows.declined, err = dbgen.New(db).UsersDeclined(ctx, users, since)
			return err
		})
	if err != nil {
		return nil, err
	}
	return r.facts(ctx, queries, lookups, rows)
}

// planID returns the plan's id if the order names the plan by id.
func planID(o ports.CheckoutQuery) string {
	if !billing.IsID(o.Plan) {
		return ""
	}
	return o.Plan
}

// orderRows are the rows for all orders together.
type orderRows struct {
	plans   []*dbgen.PlansForShareRow
	systems []*dbgen.PaymentSystem
	live    []*dbgen.SubscriptionsLiveRow
	methods []*dbgen.PaymentMethod

	declined []string // ids of users
}

// facts gives each order its own rows.
func (r orders) facts(ctx context.Context, queries []ports.CheckoutQuery, lookups methodLookups, rows orderRows) ([]ports.CheckoutFacts, error) {
	plans, version := plansByRef(rows.plans)
	systems := make(map[string]*billing.PaymentSystem, len(rows.systems))
	for _, row := range rows.systems {
		systems[row.Code] = new(billing.PaymentSystem(*row))
	}
	live := liveByGroup(rows.live)
	methods := indexMethods(rows.methods)
	declined := make(map[string]bool, len(rows.declined))
	for _, user := range rows.declined {
		declined[user] = true
	}
	facts := make([]ports.CheckoutFacts, len(queries))
	for i, o := range queries {
		f := ports.CheckoutFacts{Plan: plans[o.Plan], PaymentSystem: systems[o.PaymentSystem], Declined: declined[string(o.User)] && !o.DeclinedSince.IsZero()}
		if f.Plan != nil {
			f.Version = version
			f.Live = live[userGroup{string(o.User), f.Plan.Group}]
		}
		if row, ok := methods.find(lookups[i]); ok {
			var err error
			if f.Method, err = r.methods.withToken(ctx, row, o.Token); err != nil {
				return nil, err
			}
		}
		facts[i] = f
	}
	return facts, nil
}

type userGroup struct{ user, group string }

// liveByGroup indexes subscriptions by user and group. The rows are in the order of the
// ids, and repeat a subscription if several orders of the user are for its group.
func liveByGroup(rows []*dbgen.SubscriptionsLiveRow) map[userGroup][]billing.Subscription {
	live := make(map[userGroup][]billing.Subscription, len(rows))
	last := ""
	for _, row := range rows {
		if row.Subscription.ID == last {
			continue
		}
		last = row.Subscription.ID
		k := userGroup{row.Subscription.UserID, row.PlanGroup}
		live[k] = append(live[k], subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding))
	}
	return live
}

// plansByRef indexes plans by id and by code. The version is the transaction's, and
// the same in every row.
func plansByRef(rows []*dbgen.PlansForShareRow) (plans map[string]*billing.Plan, version ports.RowVersion) {
	plans = make(map[string]*billing.Plan, 2*len(rows))
	for _, row := range rows {
		plan := planOf(&row.Plan)
		plans[row.Plan.ID], plans[row.Plan.Code] = &plan, &plan
		version = ports.RowVersion(row.Version)
	}
	return plans, version
}
