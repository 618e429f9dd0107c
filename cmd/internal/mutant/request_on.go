//go:build mutant

package mutant

import (
	"context"
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// priceFromCache reads a plan once, outside of the transaction.
func priceFromCache(_ *bug, tx *ports.Repos) { tx.Orders = plansCached{tx.Orders} }

type plansCached struct{ ports.Orders }

var plans sync.Map

func (p plansCached) Take(ctx context.Context, asked ...ports.OrderQuery) ([]ports.OrderFacts, error) {
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
func keyNotClaimed(_ *bug, tx *ports.Repos) {
	tx.Answers, tx.Orders = answersUnclaimed{tx.Answers}, ordersUnclaimed{tx.Orders}
}

type answersUnclaimed struct{ ports.Answers }

func (answersUnclaimed) Claim(context.Context, ports.Request, billing.SubscriptionID) error {
	return nil
}

type ordersUnclaimed struct{ ports.Orders }

func (o ordersUnclaimed) Take(ctx context.Context, asked ...ports.OrderQuery) ([]ports.OrderFacts, error) {
	for i := range asked {
		asked[i].Request = nil
	}
	return o.Orders.Take(ctx, asked...)
}

// historyForgotten changes things and does not tell.
func historyForgotten(_ *bug, tx *ports.Repos) { tx.Events = noEvents{tx.Events} }

type noEvents struct{ ports.Events }

func (noEvents) Append(context.Context, ...billing.Event) error { return nil }
