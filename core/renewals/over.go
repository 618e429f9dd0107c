package renewals

import (
	"context"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// endOver ends the subscriptions on hold whose grace has ended, and the given ones whose
// period has ended. No payment system is needed for that, so they end even while one is
// unavailable.
func (p *pipeline) endOver(ctx context.Context) error {
	for ctx.Err() == nil {
		found, err := ports.InTx(ctx, p.Store, func(tx ports.Repos) (int, error) { return p.endBatch(ctx, tx) })
		if err != nil {
			return fmt.Errorf("end subscriptions that are over: %w", err)
		}
		p.stats.add(ports.Summary{Ended: found})
		if found < payments.MaxBatch {
			break
		}
	}
	return nil
}

// endBatch ends one batch and returns its size.
func (p *pipeline) endBatch(ctx context.Context, tx ports.Repos) (int, error) {
	now := p.Clock.Now()
	over, err := tx.Due.LockOver(ctx, now, payments.MaxBatch)
	if err != nil {
		return 0, err
	}
	var events []billing.Event
	for i := range over {
		s, ended := over[i].At(now)
		over[i], events = s, append(events, ended...)
	}
	ports.Identify(events, p.NewID)
	if err := tx.Events.Append(ctx, events...); err != nil {
		return 0, err
	}
	return len(over), tx.Subscriptions.Save(ctx, over...)
}
