package random

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/online-cinema/billing/cmd/internal/mutant"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
	"github.com/online-cinema/billing/core/viewers"
)

const chargeTimeout = 2 * time.Second

var errDead = errors.New("the process is dead")

// process is a process of the service. It dies at a step: right before or after a request
// or a commit. A dead process sends nothing and commits nothing.
type process struct {
	*world
	dies func(step string) bool // asked at each step while the process lives
	dead bool

	*payments.Collector
}

func (w *world) newProcess(dies func(step string) bool) *process {
	p := &process{world: w, dies: dies}
	providers := mutant.Providers(map[string]ports.Provider{w.system.code(): observed{w.system, p}})
	p.Collector = &payments.Collector{
		Store: mutant.Store(mortalStore{w.store, p}, providers), Clock: w, NewID: w.newID, Providers: providers,
		Listeners: map[string]ports.Listener{w.system.code(): w.system}, Retries: w.retries,
		ChargeTimeout: chargeTimeout, RecordTimeout: chargeTimeout, Log: slog.New(slog.DiscardHandler),
	}
	if c, can := w.system.(ports.Canceller); can {
		p.Cancellers = mutant.Cancellers(map[string]ports.Canceller{w.system.code(): observedCanceller{c, p}})
	}
	return p
}

// immortal returns a process that does not die.
func (w *world) immortal() *process { return w.newProcess(func(string) bool { return false }) }

// mortal returns a process that may die at one of its first steps.
func (w *world) mortal() *process {
	left := math.MaxInt
	if w.faulty && w.chance(0.15) {
		left = w.rng.IntN(14)
	}
	return w.newProcess(func(string) bool { left--; return left < 0 })
}

// step reports whether the process survives a step.
func (p *process) step(name string) bool {
	if !p.dead && p.dies(name) {
		p.dead = true
		p.happened(fault("killed " + name))
	}
	return !p.dead
}

func (p *process) renewer() *renewals.Renewer {
	return &renewals.Renewer{
		Store: p.Store, Clock: p.world, NewID: p.newID, Collector: p.Collector, Log: p.Log,
		Concurrency: 1, Limit: 1, AcceptRefusals: true,
	}
}

func (p *process) subscriber() *viewers.Subscriber {
	return &viewers.Subscriber{Store: p.Store, Clock: p.world, NewID: p.newID, Collector: p.Collector, Wait: time.Minute}
}

func (p *process) sweep() {
	_, err := p.SweepSystem(context.Background(), p.system.code(), 1000, 1)
	p.note("", "sweep → error: %t", err != nil)
}

// in runs f in a process. It is the only one that the driver runs until f returns.
func (w *world) in(p *process, f func(p *process)) {
	before := w.running
	w.running = p
	f(p)
	w.running = before
}

// mortalStore is the store as a process sees it.
type mortalStore struct {
	ports.Store
	process *process
}

// InTx implements [ports.Store].
func (s mortalStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if s.process.dead {
		return errDead
	}
	err := s.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := f(tx); err != nil {
			return err
		}
		if !s.process.step("before a commit") {
			return errDead
		}
		return nil
	})
	if err == nil && !s.process.step("after a commit") {
		return errDead
	}
	return err
}

// observed notes the results of the adapter.
type observed struct {
	ports.Provider
	process *process
}

// Charge implements [ports.Provider].
func (o observed) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if o.process.dead {
		return billing.Outcome{}, errDead
	}
	o.process.begin()
	out, err := o.Provider.Charge(ctx, r)
	o.process.note(string(r.Key), "charge by the %s → %s", r.Initiator, ports.OutcomeName(out, err))
	return out, err
}

// Find implements [ports.Provider].
func (o observed) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	if o.process.dead {
		return billing.Outcome{}, errDead
	}
	o.process.begin()
	out, err := o.Provider.Find(ctx, q)
	o.process.note(string(q.Key), "lookup → %s", ports.OutcomeName(out, err))
	return out, err
}

// observedCanceller is observed for cancels.
type observedCanceller struct {
	ports.Canceller
	process *process
}

// Cancel implements [ports.Canceller].
func (o observedCanceller) Cancel(ctx context.Context, q ports.ChargeQuery) error {
	if o.process.dead {
		return errDead
	}
	o.process.begin()
	err := o.Canceller.Cancel(ctx, q)
	o.process.note(string(q.Key), "cancel → error: %t", err != nil)
	return err
}
