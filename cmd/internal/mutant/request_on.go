//go:build mutant

package mutant

import (
	"context"
	"sync"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// priceFromCache reads a plan once, outside of the transaction.
func priceFromCache(_ *bug, tx *app.Repos) { tx.Orders = plansCached{tx.Orders} }

type plansCached struct{ app.Orders }

var plans sync.Map

func (p plansCached) Take(ctx context.Context, asked ...app.OrderQuery) ([]app.OrderFacts, error) {
	facts, err := p.Orders.Take(ctx, asked...)
	for i := range facts {
		if facts[i].Plan != nil {
			plan, _ := plans.LoadOrStore(asked[i].Plan, facts[i].Plan)
			facts[i].Plan = plan.(*billing.Plan)
		}
	}
	return facts, err
}

// keyNotClaimed does the work of a request without noting its key with it.
func keyNotClaimed(_ *bug, tx *app.Repos) {
	tx.Answers, tx.Orders = answersUnclaimed{tx.Answers}, ordersUnclaimed{tx.Orders}
}

type answersUnclaimed struct{ app.Answers }

func (answersUnclaimed) Claim(context.Context, app.Request, billing.SubscriptionID) error { return nil }

type ordersUnclaimed struct{ app.Orders }

func (o ordersUnclaimed) Take(ctx context.Context, asked ...app.OrderQuery) ([]app.OrderFacts, error) {
	for i := range asked {
		asked[i].Request = nil
	}
	return o.Orders.Take(ctx, asked...)
}

// historyForgotten changes things and does not tell.
func historyForgotten(_ *bug, tx *app.Repos) { tx.Events = noEvents{tx.Events} }

type noEvents struct{ app.Events }

func (noEvents) Append(context.Context, ...billing.Event) error { return nil }
