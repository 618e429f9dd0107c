package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

type views struct {
	q      *dbgen.Queries
	tokens tokens
}

// read runs one query with the package's deadline, and turns each row into what
// it stands for.
func read[Row, T any](ctx context.Context, query func(context.Context) ([]Row, error), as func(Row) T) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	rows, err := query(ctx)
	if err != nil {
		return nil, translate(err)
	}
	return column(rows, as), nil
}

func (v views) Plans(ctx context.Context) ([]billing.Plan, error) {
	return read(ctx, v.q.Plans, planOf)
}

func (v views) PaymentSystems(ctx context.Context) ([]billing.PaymentSystem, error) {
	return read(ctx, v.q.PaymentSystems, func(row *dbgen.PaymentSystem) billing.PaymentSystem {
		return billing.PaymentSystem(*row)
	})
}

func (v views) Subscription(ctx context.Context, user billing.UserID, ref string) (app.SubscriptionView, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	row, err := v.q.ViewSubscription(ctx, string(user), ref)
	if err != nil {
		return app.SubscriptionView{}, translate(orNotFound(err, billing.ErrNotFound))
	}
	return viewOf((*dbgen.ViewSubscriptionsRow)(row)), nil
}

func (v views) Subscriptions(ctx context.Context, user billing.UserID, p app.Page) ([]app.SubscriptionView, error) {
	return v.subscriptions(ctx, user, p, false)
}

// maxLive is far more live subscriptions than there are plans.
const maxLive = 1000

func (v views) LiveSubscriptions(ctx context.Context, user billing.UserID) ([]app.SubscriptionView, error) {
	return v.subscriptions(ctx, user, app.Page{Limit: maxLive}, true)
}

func (v views) subscriptions(ctx context.Context, user billing.UserID, p app.Page, liveOnly bool) ([]app.SubscriptionView, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.ViewSubscriptionsRow, error) {
		return v.q.ViewSubscriptions(ctx, dbgen.ViewSubscriptionsParams{
			UserID: string(user), LiveOnly: liveOnly, Before: before(p), Take: int32(p.Limit),
		})
	}, viewOf)
}

func (v views) Events(ctx context.Context, user billing.UserID, p app.Page) ([]billing.Event, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.Event, error) {
		return v.q.ViewEvents(ctx, string(user), before(p), int32(p.Limit))
	}, eventOf)
}

func (v views) Payments(ctx context.Context, user billing.UserID, p app.Page) ([]billing.Payment, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.Payment, error) {
		return v.q.ViewPayments(ctx, int32(p.Limit), string(user), before(p))
	}, paymentOf)
}

func (v views) Cards(ctx context.Context, user billing.UserID, p app.Page) ([]billing.Card, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.Card, error) {
		return v.q.ViewCards(ctx, string(user), before(p), int32(p.Limit))
	}, cardOf)
}

// before is the id that a page ends at; the largest of all for the first page.
func before(p app.Page) string {
	if p.Before == "" {
		return "ffffffff-ffff-ffff-ffff-ffffffffffff"
	}
	return p.Before
}

func viewOf(row *dbgen.ViewSubscriptionsRow) app.SubscriptionView {
	return app.SubscriptionView{
		Subscription: subscriptionOf(&row.Subscription, row.PlanCode),
		Latest:       paymentOf(&row.Payment),
		Features:     row.Features,
	}
}
