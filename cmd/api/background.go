package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/feed"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/viewers"
)

const (
	// sweepLimit is the maximum of items in one sweep.
	sweepLimit = 100
	// sweepConcurrency is the maximum of lookups in flight at one payment system.
	sweepConcurrency = 16
	// executeEvery is the interval at which open instructions are read. An operator waits
	// for them.
	executeEvery = 500 * time.Millisecond
)

// sweeper resolves pending payments, refunds or saves at regular intervals. Each payment
// system has a sweep of its own, so that one that is slow or hangs delays no other.
type sweeper[Swept swept] struct {
	of          string                                  // name of the items in the log
	systems     func(context.Context) ([]string, error) // with items to look up
	sweepSystem func(ctx context.Context, system string, limit, concurrency int) (Swept, error)
	every       time.Duration
	log         *slog.Logger
}

// swept are the items that a sweep took.
type swept interface {
	Count() (settled, pending int)
}

// systemSweep is the sweep of one payment system. It is locked while it runs.
type systemSweep struct {
	sync.Mutex
	failures outage
}

func (s sweeper[Swept]) run(ctx context.Context) {
	failures := outage{log: s.log, task: "sweep of " + s.of}
	sweeps := make(map[string]*systemSweep)
	var running sync.WaitGroup
	defer running.Wait()
	repeat(ctx, s.every, func() {
		systems, err := s.systems(ctx)
		failures.record(ctx, err)
		for _, system := range systems {
			one, ok := sweeps[system]
			if !ok {
				one = &systemSweep{failures: outage{log: s.log, task: "sweep of " + s.of + " of " + system}}
				sweeps[system] = one
			}
			if one.TryLock() {
				running.Go(func() {
					defer one.Unlock()
					one.failures.record(ctx, s.sweep(ctx, system))
				})
			}
		}
	})
}

// sweep sweeps a payment system until no item is left. An item whose outcome stays unknown
// is leased for some time, so the loop ends.
func (s sweeper[Swept]) sweep(ctx context.Context, system string) error {
	for ctx.Err() == nil {
		swept, err := s.sweepSystem(ctx, system, sweepLimit, sweepConcurrency)
		if err != nil {
			return err
		}
		settled, pending := swept.Count()
		if settled+pending == 0 {
			return nil
		}
		s.log.Info("swept", "of", s.of, "payment_system", system, "settled", settled, "unknown", pending)
	}
	return nil
}

// maxPushes is the maximum of endpoints to which this process delivers at the same time. An
// endpoint that hangs occupies one for half a minute at most, then waits for its next try.
const maxPushes = 8

// pushers deliver events to endpoints, each to one endpoint at a time.
type pushers struct {
	lease func(context.Context) (feed.Leased, bool, error)
	push  func(context.Context, feed.Leased) error
	every time.Duration
	log   *slog.Logger
}

func (p pushers) run(ctx context.Context) {
	failures := outage{log: p.log, task: "delivery of webhooks"}
	var mu sync.Mutex
	record := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		failures.record(ctx, err)
	}
	free := make(chan struct{}, maxPushes)
	var running sync.WaitGroup
	defer running.Wait()
	repeat(ctx, p.every, func() {
		for ctx.Err() == nil {
			select {
			case free <- struct{}{}:
			default:
				return
			}
			leased, ok, err := p.lease(ctx)
			if !ok {
				<-free
				record(err)
				return
			}
			running.Go(func() {
				defer func() { <-free }()
				for ok && ctx.Err() == nil {
					err := p.push(ctx, leased)
					if err == nil {
						leased, ok, err = p.lease(ctx)
					}
					record(err)
					ok = ok && err == nil
				}
			})
		}
	})
}

// forgetter lets payment systems forget the tokens of removed payment methods, at regular
// intervals.
type forgetter struct {
	forget func(ctx context.Context, limit, concurrency int) (payments.Forgotten, error)
	every  time.Duration
	log    *slog.Logger
}

func (f forgetter) run(ctx context.Context) {
	failures := outage{log: f.log, task: "forgetting of tokens"}
	repeat(ctx, f.every, func() {
		forgotten, err := f.forget(ctx, sweepLimit, sweepConcurrency)
		failures.record(ctx, err)
		if forgotten != (payments.Forgotten{}) {
			f.log.Info("forgot tokens", "done", forgotten.Done, "failed", forgotten.Failed)
		}
	})
}

// executor executes the instructions of operators, at regular intervals.
type executor struct {
	execute func(ctx context.Context, limit int) (operators.Executed, error)
	every   time.Duration
	log     *slog.Logger
}

func (e executor) run(ctx context.Context) {
	failures := outage{log: e.log, task: "execution of instructions"}
	repeat(ctx, e.every, func() {
		executed, err := e.execute(ctx, sweepLimit)
		failures.record(ctx, err)
		if executed != (operators.Executed{}) {
			e.log.Info("executed instructions", "done", executed.Done, "refused", executed.Refused)
		}
	})
}

// planEnder cancels the subscriptions to plans that operators end, at regular intervals. It has
// a loop of its own, because a large plan would make instructions wait.
type planEnder struct {
	end   func(context.Context) (operators.PlanEndTally, error)
	every time.Duration
	log   *slog.Logger
}

func (e planEnder) run(ctx context.Context) {
	failures := outage{log: e.log, task: "end of plans"}
	repeat(ctx, e.every, func() {
		t, err := e.end(ctx)
		failures.record(ctx, err)
		if t != (operators.PlanEndTally{}) {
			e.log.Info("ended subscriptions of plans", "cancelled", t.Cancelled, "ended", t.Ended, "failed", t.Failed)
		}
	})
}

// expirer erases personal data that has been kept for long enough, a page of users at a time.
type expirer struct {
	expiry *viewers.Expiry
	every  time.Duration
	log    *slog.Logger
}

func (e expirer) run(ctx context.Context) {
	failures := outage{log: e.log, task: "erasure of expired personal data"}
	repeat(ctx, e.every, func() {
		x, err := e.expiry.Step(ctx)
		failures.record(ctx, err)
		if x.Names+x.Contacts+x.Notes > 0 {
			e.log.Info("erased expired personal data", "names", x.Names, "contacts", x.Contacts, "notes", x.Notes)
		}
	})
}

// pruner removes expired idempotency keys at regular intervals.
type pruner struct {
	requests viewers.Requests
	every    time.Duration
	log      *slog.Logger
}

func (p pruner) run(ctx context.Context) {
	failures := outage{log: p.log, task: "prune"}
	repeat(ctx, p.every, func() { failures.record(ctx, p.prune(ctx)) })
}

func (p pruner) prune(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := p.requests.Prune(ctx)
		if err != nil || n == 0 {
			return err
		}
		p.log.Info("pruned", "answers", n)
	}
	return nil
}

// repeat calls f immediately and then at every interval, until ctx ends.
func repeat(ctx context.Context, interval time.Duration, f func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		f()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// remindEvery is the interval at which a continuing outage is logged.
const remindEvery = 5 * time.Minute

// outage logs the failures of a repeated task: the first failure, a reminder every
// five minutes while the task keeps failing, and the recovery.
type outage struct {
	log    *slog.Logger
	task   string
	since  time.Time // zero while the task works
	logged time.Time
}

// record notes the result of one attempt.
func (o *outage) record(ctx context.Context, err error) {
	now := time.Now()
	switch {
	case ctx.Err() != nil: // a failure during the shutdown is no outage
	case err == nil && !o.since.IsZero():
		o.log.Info(o.task+" works again", "down", now.Sub(o.since).Round(time.Second).String())
		o.since, o.logged = time.Time{}, time.Time{}
	case err != nil && now.Sub(o.logged) >= remindEvery:
		if o.since.IsZero() {
			o.since = now
		}
		o.logged = now
		o.log.Error(o.task+" failed; will retry", "since", o.since.UTC(), "error", err)
	}
}
