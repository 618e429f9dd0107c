//go:build mutant

package mutant

import (
	"context"
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// priceFromCache reads a plan once, outside of the transaction.
func priceFromCache(_ *bug, tx *ports.Repos) { tx.Checkout = plansCached{tx.Checkout} }

type plansCached struct{ ports.Checkout }

var plans sync.Map

func (p plansCached) Take(ctx context.Context, asked ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	facts, err := p.Checkout.Take(ctx, asked...)
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
	tx.IdempotencyKeys, tx.Checkout = answersUnclaimed{tx.IdempotencyKeys}, ordersUnclaimed{tx.Checkout}
}

type answersUnclaimed struct{ ports.IdempotencyKeys }

func (answersUnclaimed) Claim(context.Context, ports.KeyedRequest, billing.SubscriptionID) error {
	return nil
}

type ordersUnclaimed struct{ ports.Checkout }

func (o ordersUnclaimed) Take(ctx context.Context, asked ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	for i := range asked {
		asked[i].Request = nil
	}
	return o.Checkout.Take(ctx, asked...)
}

// historyForgotten changes things and does not tell.
func historyForgotten(_ *bug, tx *ports.Repos) { tx.Events = noEvents{tx.Events} }

type noEvents struct{ ports.Events }

func (noEvents) Append(context.Context, ...billing.Event) error { return nil }
