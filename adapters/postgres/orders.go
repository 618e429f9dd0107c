package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// orders asks all that it wants to know in one round trip.
type orders struct {
	tx      *tx
	methods methods
}

type order = app.OrderQuery

func (r orders) Take(ctx context.Context, asked ...app.OrderQuery) ([]app.OrderFacts, error) {
	if len(asked) == 0 {
		return nil, nil
	}
	if claims := claimParams(asked); len(claims.Keys) > 0 {
		if err := r.tx.later(anyNumber).AnswersClaim(ctx, claims); err != nil {
			return nil, err
		}
	}
	wanted, err := r.methods.tokens.wanted(asked)
	if err != nil {
		return nil, err
	}
	codes, ids := column(asked, func(o order) string { return o.Plan }), column(asked, planID)
	users := column(asked, func(o order) string { return string(o.User) })
	systems := column(asked, func(o order) string { return o.PaymentSystem })
	var found foundRows
	err = r.tx.ask(ctx,
		func(q *dbgen.Queries) (err error) {
			found.plans, err = q.PlansForShare(ctx, codes, ids)
			return err
		},
		func(q *dbgen.Queries) (err error) {
			found.systems, err = q.PaymentSystemsNamed(ctx, systems)
			return err
		},
		func(q *dbgen.Queries) (err error) {
			found.live, err = q.SubscriptionsLive(ctx, users, codes, ids)
			return err
		},
		func(q *dbgen.Queries) (err error) {
			found.methods, err = q.MethodsByToken(ctx, wanted.params())
			return err
		})
	if err != nil {
		return nil, err
	}
	return r.facts(ctx, asked, wanted, found)
}

// planID is the plan that is asked for, when it is named by its id.
func planID(o order) string {
	if !billing.IsID(o.Plan) {
		return ""
	}
	return o.Plan
}

// foundRows is what was found for all orders together.
type foundRows struct {
	plans   []*dbgen.PlansForShareRow
	systems []*dbgen.PaymentSystem
	live    []*dbgen.SubscriptionsLiveRow
	methods []*dbgen.PaymentMethod
}

// facts deals out to each order what is its own.
func (r orders) facts(ctx context.Context, asked []order, wanted wantedMethods, found foundRows) ([]app.OrderFacts, error) {
	plans := make(map[string]*billing.Plan, 2*len(found.plans))
	var version app.Version // the same in every row
	for _, row := range found.plans {
		plan := planOf(&row.Plan)
		plans[row.Plan.ID], plans[row.Plan.Code] = &plan, &plan
		version = app.Version(row.Version)
	}
	systems := make(map[string]*billing.PaymentSystem, len(found.systems))
	for _, row := range found.systems {
		systems[row.Code] = new(billing.PaymentSystem(*row))
	}
	type viewerPlan struct{ user, plan string }
	live := make(map[viewerPlan]*billing.Subscription, len(found.live))
	for _, row := range found.live {
		live[viewerPlan{row.Subscription.UserID, row.Subscription.PlanID}] = new(subscriptionOf(&row.Subscription, row.PlanCode))
	}
	linked := linkedMethods(found.methods)
	all := make([]app.OrderFacts, len(asked))
	for i, o := range asked {
		f := app.OrderFacts{Plan: plans[o.Plan], PaymentSystem: systems[o.PaymentSystem]}
		if f.Plan != nil {
			f.Version = version
			f.Live = live[viewerPlan{string(o.User), string(f.Plan.ID)}]
		}
		var err error
		if row, ok := linked.of(wanted[i]); ok {
			f.Method, err = r.methods.linked(ctx, row, o.Token)
		}
		if err != nil {
			return nil, err
		}
		all[i] = f
	}
	return all, nil
}

// wantedMethod is a viewer's method as it is looked for: by the token's
// fingerprint, or by the token as it was kept before there was a vault.
type wantedMethod struct {
	user, system, token string
	fingerprint         []byte
}

type wantedMethods []wantedMethod

// wanted has one for each order, empty for those that are not paid by token.
func (t tokens) wanted(asked []order) (wantedMethods, error) {
	list := make(wantedMethods, len(asked))
	for i, o := range asked {
		if o.Token.IsZero() {
			continue
		}
		f, err := t.fingerprint(o.User, o.Token)
		if err != nil {
			return nil, err
		}
		list[i] = wantedMethod{string(o.User), o.PaymentSystem, o.Token.Reveal(), f}
	}
	return list, nil
}

func (list wantedMethods) params() (p dbgen.MethodsByTokenParams) {
	for _, w := range list {
		if w.token != "" {
			p.UserIds, p.PaymentSystems = append(p.UserIds, w.user), append(p.PaymentSystems, w.system)
			p.Tokens, p.TokenFingerprints = append(p.Tokens, w.token), append(p.TokenFingerprints, w.fingerprint)
		}
	}
	return p
}

// methodKey is what a method is found by: a fingerprint, or a token in the clear.
type methodKey struct {
	user, system, by string
	clear            bool
}

type methodRows map[methodKey]*dbgen.PaymentMethod

func linkedMethods(rows []*dbgen.PaymentMethod) methodRows {
	all := make(methodRows, len(rows))
	for _, row := range rows {
		key := methodKey{row.UserID, row.PaymentSystem, string(row.TokenFingerprint), false}
		if row.Token.Valid {
			key.by, key.clear = row.Token.String, true
		}
		all[key] = row
	}
	return all
}

// of prefers the one that is sealed.
func (all methodRows) of(w wantedMethod) (*dbgen.PaymentMethod, bool) {
	row, ok := all[methodKey{w.user, w.system, string(w.fingerprint), false}]
	if !ok {
		row, ok = all[methodKey{w.user, w.system, w.token, true}]
	}
	return row, ok
}
