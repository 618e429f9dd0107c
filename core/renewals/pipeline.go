package renewals

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

const (
	claimers  = 2
	recorders = 2
)

// pipeline is one run.
type pipeline struct {
	*Renewer
	collector *payments.Collector // calls the payment systems through breakers
	breakers  map[string]*breaker
	stats     runStats
	refused   atomic.Int64 // subscriptions that are not charged because of an obstacle
	allowance allowance
	skipped   skipped
	batchSize atomic.Int64 // subscriptions to claim per batch
	needMore  chan bool    // tells each further claimer whether it is needed
	decided   sync.Once    // needMore has been answered
	toCharge  chan *batch
	toRecord  *outcomes
}

func newPipeline(r *Renewer) *pipeline {
	p := &pipeline{
		Renewer: r, breakers: make(map[string]*breaker),
		needMore: make(chan bool, claimers-1), toCharge: make(chan *batch), toRecord: newOutcomes(),
	}
	providers := make(map[string]ports.Provider)
	for code, provider := range r.Collector.Providers {
		b := &breaker{Provider: provider}
		b.refusals.margin = r.Collector.ChargeTimeout
		b.refusals.onFault = func(f fault) {
			b.charges.giveUp()
			p.Log.Error("a payment system refuses most charges alike; they are postponed, and no subscription ends because of it",
				"payment_system", code, "decline_code", f.code, "refused", f.refused, "answers", f.answers)
		}
		p.breakers[code], providers[code] = b, b
	}
	p.collector = r.Collector.WithProviders(providers)
	p.stats.progress = r.Progress
	p.allowance.limited, p.allowance.remaining = r.Limit > 0, r.Limit
	// Until the duration of a charge is known, a batch has at most one intent per
	// charger, so that no intent waits.
	p.batchSize.Store(int64(min(payments.MaxBatch, r.Concurrency)))
	return p
}

// run performs the steps of a run. A step that fails does not prevent the next ones,
// unless the database is unavailable.
func (p *pipeline) run(ctx context.Context) error {
	var failed []error
	for _, step := range []func(context.Context) error{p.remind, p.reportOrphans, p.resolvePending, p.endOver, p.renew, p.drainPending, p.reread, p.countWaiting} {
		err := step(ctx)
		if err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil || errors.Is(err, billing.ErrUnavailable) {
			break
		}
	}
	return errors.Join(failed...)
}

// chargeable lists the payment systems that the run still charges.
func (p *pipeline) chargeable() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.breakers)), func(code string) bool { return p.breakers[code].charges.tooMany() })
}

// canResolve reports whether pending payments can be looked up at a payment system and
// sent again. While the run can resolve any payments, those at a payment system without
// an adapter are swept too, because the sweep reports them.
func (p *pipeline) canResolve(system string) bool {
	b, ok := p.breakers[system]
	if !ok {
		return p.canResolveAny()
	}
	return !b.charges.tooMany() && !b.lookups.tooMany()
}

// canResolveAny reports whether the run can resolve payments at any of its payment
// systems.
func (p *pipeline) canResolveAny() bool {
	return slices.ContainsFunc(p.systems(), p.canResolve)
}

// gaveUp returns [ports.ErrGaveUp] with the payment systems that the run gave up, and
// those at which it gave up lookups only. It returns nil if there are none.
func (p *pipeline) gaveUp() error {
	var list []string
	for _, code := range slices.Sorted(maps.Keys(p.breakers)) {
		switch b := p.breakers[code]; {
		case b.refusals.fault.code != "":
			list = append(list, fmt.Sprintf("%s (%s)", code, b.refusals.fault))
		case b.charges.tooMany():
			list = append(list, code)
		case b.lookups.tooMany():
			list = append(list, code+" (lookups only)")
		}
	}
	if len(list) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ports.ErrGaveUp, strings.Join(list, ", "))
}

// reportOrphans counts subscriptions as failed that are due at payment systems
// without an adapter.
func (p *pipeline) reportOrphans(ctx context.Context) error {
	orphans, err := p.orphans(ctx)
	if err != nil {
		return err
	}
	for _, code := range orphans {
		n, err := p.Store.Views().CountDue(ctx, ports.DueQuery{Now: p.Clock.Now(), Systems: []string{code}})
		if err != nil {
			return err
		}
		if n > 0 {
			p.Log.Error("subscriptions are due at a payment system without an adapter", "payment_system", code, "due", n)
			p.stats.add(ports.Summary{Due: n, Failed: n})
		}
	}
	return nil
}

// renew runs claimers, chargers and recorders until no subscription is due.
func (p *pipeline) renew(ctx context.Context) error {
	var claiming, charging, recording sync.WaitGroup
	claimErrs, recordErrs := make([]error, min(claimers, p.Concurrency)), make([]error, recorders)
	for i := range claimErrs {
		claiming.Go(func() {
			if i > 0 && !<-p.needMore {
				return // the first claimer found all due subscriptions
			}
			claimErrs[i] = p.claimAll(ctx)
			p.needClaimers(false)
		})
	}
	for range p.Concurrency {
		charging.Go(p.chargeAll)
	}
	for i := range recorders {
		recording.Go(func() { recordErrs[i] = p.recordAll(ctx) })
	}
	claiming.Wait()
	close(p.toCharge)
	charging.Wait()
	for _, b := range p.breakers {
		p.addAll(b.refusals.release(ctx.Err() != nil))
	}
	p.toRecord.close()
	recording.Wait()
	return errors.Join(append(claimErrs, recordErrs...)...)
}

// needClaimers tells the other claimers, once, whether they are needed.
func (p *pipeline) needClaimers(needed bool) {
	p.decided.Do(func() {
		for range claimers - 1 {
			p.needMore <- needed
		}
	})
}

// recordAll records batches of outcomes until there are no more.
func (p *pipeline) recordAll(ctx context.Context) error {
	var errs []error
	for attempts := range p.toRecord.ready {
		results, err := p.collector.Record(ctx, attempts...)
		p.stats.charged(results)
		if err != nil {
			p.stats.add(ports.Summary{Failed: len(attempts) - len(results)})
			errs = append(errs, err)
		}
		p.toRecord.recycle(attempts)
	}
	return errors.Join(errs...)
}

// allowance bounds the subscriptions that a run claims.
type allowance struct {
	mu        sync.Mutex
	limited   bool
	remaining int
}

// take returns how many of n subscriptions may be claimed.
func (a *allowance) take(n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.limited {
		return n
	}
	n = min(n, a.remaining)
	a.remaining -= n
	return n
}

func (a *allowance) giveBack(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remaining += n
}
