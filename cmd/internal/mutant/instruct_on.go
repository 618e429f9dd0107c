//go:build mutant

package mutant

import (
	"context"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// limitNotChecked forgets the earlier instructions of an operator.
func limitNotChecked(_ *bug, tx *ports.Repos) { tx.Instructions = noUsage{tx.Instructions} }

type noUsage struct{ ports.Instructions }

func (noUsage) Usage(context.Context, billing.Instruction, time.Time) (billing.SupportUsage, error) {
	return billing.SupportUsage{}, nil
}

// instructionTwice commits the change of an instruction without its outcome, so that the
// next sweep executes it again.
func instructionTwice(_ *bug, tx *ports.Repos) { tx.Instructions = unfinished{tx.Instructions} }

type unfinished struct{ ports.Instructions }

// executed holds the instructions that this process has executed once.
var executed sync.Map

func (i unfinished) Finish(ctx context.Context, done billing.Instruction) error {
	if _, again := executed.LoadOrStore(done.ID, true); !again {
		return nil
	}
	return i.Instructions.Finish(ctx, done)
}

// grantOverwrites lets a grant begin now, instead of at the end of the paid time.
func grantOverwrites(_ *bug, tx *ports.Repos) {
	var given billing.Grant
	tx.Grants = grantsFromNow{tx.Grants, &given}
	tx.Subscriptions = overwritten{tx.Subscriptions, &given}
}

type grantsFromNow struct {
	ports.Grants
	given *billing.Grant
}

func (g grantsFromNow) Add(ctx context.Context, one billing.Grant) error {
	one.Period = billing.Period{Start: one.CreatedAt, End: one.CreatedAt.Add(one.Period.End.Sub(one.Period.Start))}
	*g.given = one
	return g.Grants.Add(ctx, one)
}

type overwritten struct {
	ports.Subscriptions
	given *billing.Grant
}

func (s overwritten) Save(ctx context.Context, list ...billing.Subscription) error {
	for i := range list {
		if list[i].ID == s.given.SubscriptionID {
			list[i].Current.End, list[i].NextChargeAt = s.given.Period.End, s.given.Period.End
		}
	}
	return s.Subscriptions.Save(ctx, list...)
}
