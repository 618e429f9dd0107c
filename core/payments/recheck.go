package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// recheck looks abandoned payments up again. A payment that was charged after all becomes a
// contradiction, and its money goes back.
func (c *Collector) recheck(ctx context.Context, q ports.SweepQuery, concurrency int) error {
	leased, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) ([]ports.Recheck, error) { return tx.Rechecks.LeaseForRecheck(ctx, q) })
	if err != nil {
		return fmt.Errorf("look abandoned payments up: %w", err)
	}
	return errors.Join(inParallel(concurrency, leased, func(r ports.Recheck) error {
		l := c.find(ctx, ports.Unsettled{Payment: r.Payment, Times: r.Times})
		if !l.answered {
			return nil // another sweep repeats it after the lease
		}
		if l.outcome.Status == billing.PaymentSucceeded {
			if _, err := c.Record(ctx, l.Attempt); err != nil {
				return err
			}
		}
		return c.checked(ctx, r)
	})...)
}

// checked plans the next lookup of an abandoned payment.
func (c *Collector) checked(ctx context.Context, r ports.Recheck) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.RecordTimeout)
	defer cancel()
	err := c.Store.InTx(ctx, func(tx ports.Repos) error {
		return tx.Rechecks.Schedule(ctx, billing.RecheckAfter(r.Checks+1), r.Checks+1, ports.KeyOf(&r.Payment))
	})
	if err != nil {
		return fmt.Errorf("plan the next lookup of payment %s: %w", r.ID, err)
	}
	return nil
}
