//go:build mutant

package mutant

import (
	"context"
	"sync"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// priceFromCache reads a plan once, outside of the transaction.
func priceFromCache(_ *bug, tx *app.Repos) { tx.Plans = plansCached{tx.Plans} }

type plansCached struct{ app.Plans }

var plans sync.Map

func (p plansCached) Find(ctx context.Context, ref string) (billing.Plan, error) {
	if plan, ok := plans.Load(ref); ok {
		return plan.(billing.Plan), nil
	}
	plan, err := p.Plans.Find(ctx, ref)
	if err == nil {
		plans.Store(ref, plan)
	}
	return plan, err
}

// keyNotClaimed does the work of a request without noting its key with it.
func keyNotClaimed(_ *bug, tx *app.Repos) { tx.Answers = answersUnclaimed{tx.Answers} }

type answersUnclaimed struct{ app.Answers }

func (answersUnclaimed) Claim(context.Context, app.Request, billing.SubscriptionID) error { return nil }

// historyForgotten changes things and does not tell.
func historyForgotten(_ *bug, tx *app.Repos) { tx.Events = noEvents{tx.Events} }

type noEvents struct{ app.Events }

func (noEvents) Append(context.Context, ...billing.Event) error { return nil }
