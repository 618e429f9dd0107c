package renewals

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// settle settles everything that nobody works on, for as long as there is a
// payment system to ask. What stays unknown comes again after a while; it looks
// at nothing twice.
func (p *pipeline) settle(ctx context.Context) error {
	seen := make(map[billing.PaymentID]bool)
	for ctx.Err() == nil && len(p.up()) > 0 {
		results, err := p.collector.SweepResults(ctx, settleBatch, p.Concurrency)
		p.count.swept(results)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("settle: %w", err)
		case len(results) == 0:
			return nil
		}
		for _, r := range results {
			if seen[r.Payment.ID] {
				return nil
			}
			if !r.Payment.Settled() {
				seen[r.Payment.ID] = true
			}
		}
	}
	return nil
}

// settleRest settles what is left at the end. What somebody may still be
// sending, be it a run that was killed, is waited for, but not longer than that
// can take. When nobody sends anything any more, it looks once again at what it
// could not conclude anything about before.
func (p *pipeline) settleRest(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, p.sendWindow()+payments.SweepLease)
	defer cancel()
	for last := false; patience.Err() == nil; {
		if err := p.settle(ctx); err != nil || len(p.up()) == 0 {
			return err
		}
		wait, err := p.underway(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case wait > 0:
			last = false
			sleep(patience, min(wait, settlePoll))
		case last:
			return nil
		default:
			last = true
			if err := p.release(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pipeline) underway(ctx context.Context) (wait time.Duration, err error) {
	err = p.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		wait, err = tx.Payments.MaxSendRemaining(ctx)
		return err
	})
	return wait, err
}

// release offers what is open to the sweep, although it has looked already.
func (p *pipeline) release(ctx context.Context) error {
	for keys := range slices.Chunk(p.count.left(), payments.MaxBatch) {
		if err := p.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Payments.ReleaseSweep(ctx, keys...) }); err != nil {
			return err
		}
	}
	return nil
}

// reread looks what others, such as another run, have settled of what is open.
func (p *pipeline) reread(ctx context.Context) error {
	for keys := range slices.Chunk(p.count.left(), payments.MaxBatch) {
		var list []billing.Payment
		err := p.Store.InTx(ctx, func(tx ports.Repos) (err error) {
			list, err = tx.Payments.Lock(ctx, keys...)
			return err
		})
		if err != nil {
			return err
		}
		p.count.reread(list)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
