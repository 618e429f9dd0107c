package renewals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

const (
	// resolveBatch is how many pending payments are looked up per sweep.
	resolveBatch = 200
	// drainPoll is how often drainPending checks payments that another process is
	// sending.
	drainPoll = 200 * time.Millisecond
)

// resolvePending looks up the pending payments of all payment systems at the same
// time, so that a slow one delays no other. It returns the first error of each.
func (p *pipeline) resolvePending(ctx context.Context) error {
	systems, err := p.collector.SystemsToSweep(ctx)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	errs := make([]error, len(systems))
	var all sync.WaitGroup
	for i, system := range systems {
		all.Go(func() { errs[i] = p.resolveAt(ctx, system) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// resolveAt sweeps a payment system until every pending payment that it may take was
// looked up once, or the payment system can resolve none. A payment that stays pending
// comes again when the sweep's lease ends; resolveAt stops then. A sweep that fails
// does not prevent the next one, unless the database is unavailable.
func (p *pipeline) resolveAt(ctx context.Context, system string) error {
	pending := make(map[billing.PaymentID]bool)
	var failed error // the first
	for ctx.Err() == nil && p.canResolve(system) {
		results, err := p.collector.SweepSystem(ctx, system, resolveBatch, p.Concurrency)
		p.stats.swept(results)
		if ctx.Err() != nil {
			break
		}
		if err != nil && failed == nil {
			failed = fmt.Errorf("settle: %w", err)
		}
		if len(results) == 0 || errors.Is(err, billing.ErrUnavailable) || again(results, pending) {
			break
		}
	}
	return failed
}

// again reports whether a sweep returned a payment that an earlier one had left
// pending. It adds the payments that are pending now.
func again(results payments.Swept, pending map[billing.PaymentID]bool) bool {
	for _, r := range results {
		if pending[r.Payment.ID] {
			return true
		}
		if !r.Payment.Settled() {
			pending[r.Payment.ID] = true
		}
	}
	return false
}

// drainPending resolves the payments that are pending at the end of a run. It waits
// while another process may still send a renewal, such as a run that was killed, but
// no longer than the send window. Then it looks up the open payments a last time,
// because an earlier absence was not final.
func (p *pipeline) drainPending(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, p.sendWindow()+payments.SweepLease)
	defer cancel()
	var failed error
	for last := false; bounded.Err() == nil; {
		if err := p.resolvePending(ctx); failed == nil {
			failed = err
		}
		if errors.Is(failed, billing.ErrUnavailable) || !p.canResolveAny() {
			break
		}
		wait, err := ports.InTx(ctx, p.Store, func(tx ports.Repos) (time.Duration, error) {
			return tx.Leases.MaxSendRemaining(ctx)
		})
		switch {
		case ctx.Err() != nil:
			return failed
		case err != nil:
			return errors.Join(failed, err)
		case wait > 0:
			last = false
			_ = ports.Wait(bounded, min(wait, drainPoll)) // the loop checks bounded
		case last:
			return failed
		default:
			last = true
			if err := p.release(ctx); err != nil {
				return errors.Join(failed, err)
			}
		}
	}
	return failed
}

// release lets the next sweep take the open payments before their lease ends.
func (p *pipeline) release(ctx context.Context) error {
	for keys := range slices.Chunk(p.stats.openKeys(), payments.MaxBatch) {
		if err := p.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Leases.ReleaseSweep(ctx, keys...) }); err != nil {
			return err
		}
	}
	return nil
}

// reread counts the open payments that other processes, such as another run, have
// settled.
func (p *pipeline) reread(ctx context.Context) error {
	for keys := range slices.Chunk(p.stats.openKeys(), payments.MaxBatch) {
		list, err := ports.InTx(ctx, p.Store, func(tx ports.Repos) ([]billing.Payment, error) {
			return tx.Payments.Lock(ctx, keys...)
		})
		if err != nil {
			return err
		}
		p.stats.reread(list)
	}
	return nil
}
