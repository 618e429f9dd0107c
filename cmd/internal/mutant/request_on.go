//go:build mutant

package mutant

import (
	"context"
	"slices"
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// priceFromCache reads each plan once and returns it to all later transactions.
func priceFromCache(_ *bug, tx *ports.Repos) { tx.Checkout = cachedPlans{tx.Checkout} }

type cachedPlans struct{ ports.Checkout }

// plans maps plan references to the plan first read.
var plans sync.Map

func (p cachedPlans) Take(ctx context.Context, asked ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	facts, err := p.Checkout.Take(ctx, asked...)
	for i := range facts {
		if facts[i].Plan != nil {
			plan, _ := plans.LoadOrStore(asked[i].Plan, facts[i].Plan)
			facts[i].Plan = plan.(*billing.Plan)
		}
	}
	return facts, err
}

// keyNotClaimed does not store the idempotency key in the request's transaction.
func keyNotClaimed(_ *bug, tx *ports.Repos) {
	tx.IdempotencyKeys, tx.Checkout = unclaimedKeys{tx.IdempotencyKeys}, keylessCheckout{tx.Checkout}
}

type unclaimedKeys struct{ ports.IdempotencyKeys }

func (unclaimedKeys) Claim(context.Context, ports.KeyedRequest, billing.SubscriptionID) error {
	return nil
}

type keylessCheckout struct{ ports.Checkout }

func (o keylessCheckout) Take(ctx context.Context, asked ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	for i := range asked {
		asked[i].Request = nil
	}
	return o.Checkout.Take(ctx, asked...)
}

// groupNotChecked hides subscriptions to other plans of the group from orders.
func groupNotChecked(_ *bug, tx *ports.Repos) { tx.Checkout = groupless{tx.Checkout} }

type groupless struct{ ports.Checkout }

func (o groupless) Take(ctx context.Context, asked ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	facts, err := o.Checkout.Take(ctx, asked...)
	for i, f := range facts {
		facts[i].Live = slices.DeleteFunc(f.Live, func(s billing.Subscription) bool { return s.PlanID != f.Plan.ID })
	}
	return facts, err
}

// historyForgotten appends no events.
func historyForgotten(_ *bug, tx *ports.Repos) { tx.Events = noEvents{tx.Events} }

type noEvents struct{ ports.Events }

func (noEvents) Append(context.Context, ...billing.Event) error { return nil }
