package renewals

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Renewer charges due subscriptions without the viewer. Any number of runs may go on
// at the same time, on any number of machines: each period is charged once.
//
// A run is a pipeline of bounded size. No connection is held during a call of a
// payment system:
//
//	remind   announce the charges to come
//	resolve  look up the payments that earlier runs left pending
//	end      end the subscriptions on hold whose grace has ended, and the given ones that are over
//	claim    lock due subscriptions · Bill each · verify its consent · store intents, a
//	         batch per transaction
//	charge   a bounded number of charges in flight
//	record   Settle · save over the stored intents, a batch per transaction; if another
//	         transaction has changed one: lock · read again · Settle
//	drain    look up the payments that this run left pending
type Renewer struct {
	Store     ports.Store
	Clock     ports.Clock
	NewID     func() string
	Calendar  billing.Calendar
	Collector *payments.Collector
	Reminders billing.ReminderRules
	Log       *slog.Logger

	// Concurrency bounds the charges in flight; at least 1.
	Concurrency int
	// Limit bounds the subscriptions that a run claims; 0 means no limit.
	Limit int
	// AcceptRefusals records every refusal at once, even if most charges of a payment
	// system are refused alike. Otherwise the run then gives up the payment system.
	AcceptRefusals bool
	// Progress receives the counts so far, from time to time. It may be nil.
	Progress func(ports.Summary)
}

// Run makes one run. When ctx ends, Run starts nothing new and finishes what is in
// flight. The next run continues where this one stopped. The summary is valid even
// with an error: [ports.ErrGaveUp], [billing.ErrUnavailable] if the database is
// unavailable, or an internal one.
func (r *Renewer) Run(ctx context.Context) (ports.Summary, error) {
	record := ports.Run{ID: r.NewID(), StartedAt: r.Clock.Now()}
	if err := r.put(ctx, record); err != nil {
		return ports.Summary{}, fmt.Errorf("renew: %w", err)
	}
	p := newPipeline(r)
	err := errors.Join(p.run(ctx), p.gaveUp())
	record.Summary, record.FinishedAt = p.stats.summary(), r.Clock.Now()
	record.GaveUp = errors.Is(err, ports.ErrGaveUp)
	if err != nil {
		record.Error = err.Error()
		err = fmt.Errorf("renew: %w", err)
	}
	return record.Summary, errors.Join(err, r.put(context.WithoutCancel(ctx), record))
}

func (r *Renewer) put(ctx context.Context, record ports.Run) error {
	return r.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Runs.Put(ctx, record) })
}

// Decision is the effect of a run on one subscription.
type Decision struct {
	billing.Subscription                 // as stored
	Payment              billing.Payment // to be charged, if Billed
	Billed               bool
	After                billing.Subscription // until the payment is settled
	NoAdapter            bool                 // skipped: this program has no adapter for the payment system
	MethodRetired        billing.DeclineCode  // why its payment method cannot be charged; empty if it can
	Obstacle             Obstacle             // why it is not charged, although it should be
}

// Plan calls each for every subscription that a run would claim now, the earliest
// first. Before those it calls each for the subscriptions on hold and the given ones that a run would end,
// for those without an adapter, and for those that wait for their notice. Neither they nor the subscriptions with an obstacle
// count toward the limit. Plan changes nothing and calls no payment system.
func (r *Renewer) Plan(ctx context.Context, each func(Decision) error) error {
	if err := r.plan(ctx, each); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	return nil
}

func (r *Renewer) plan(ctx context.Context, each func(Decision) error) error {
	now := r.Clock.Now()
	err := r.Store.Views().Over(ctx, now, func(s billing.Subscription) error {
		after, _ := s.At(now)
		return each(Decision{Subscription: s, After: after})
	})
	if err != nil {
		return err
	}
	orphans, err := r.orphans(ctx)
	if err != nil {
		return err
	}
	err = r.eachDue(ctx, ports.DueQuery{Now: now, Systems: orphans}, func(d ports.Due) error {
		return each(Decision{Subscription: d.Subscription, NoAdapter: true})
	})
	if err != nil {
		return err
	}
	q := r.dueQuery(now, r.systems())
	err = r.Store.Views().Waiting(ctx, q, func(s billing.Subscription) error {
		return each(Decision{Subscription: s, Obstacle: NoNotice})
	})
	if err != nil {
		return err
	}
	claimed := 0
	err = r.eachDue(ctx, q, func(d ports.Due) error {
		if r.Limit > 0 && claimed == r.Limit {
			return errLimit
		}
		decision := r.decide(d, now)
		if decision.Obstacle == "" {
			claimed++
		}
		return each(decision)
	})
	if errors.Is(err, errLimit) {
		return nil
	}
	return err
}

// errLimit ends a plan.
var errLimit = errors.New("the limit is reached")

func (r *Renewer) decide(d ports.Due, now time.Time) Decision {
	after, payment, _, billed := r.bill(d, now)
	if obstacle, _ := r.obstacle(&d, billed); obstacle != "" {
		return Decision{Subscription: d.Subscription, Obstacle: obstacle}
	}
	return Decision{Subscription: d.Subscription, Payment: payment, Billed: billed, After: after, MethodRetired: d.Method.Retired()}
}

// eachDue calls each for the due subscriptions of q. It calls each for none if q
// names no payment system.
func (r *Renewer) eachDue(ctx context.Context, q ports.DueQuery, each func(ports.Due) error) error {
	if len(q.Systems) == 0 {
		return nil
	}
	return r.Store.Views().Due(ctx, q, each)
}

// Due returns how many subscriptions a run would claim now.
func (r *Renewer) Due(ctx context.Context) (int, error) {
	systems := r.systems()
	if len(systems) == 0 {
		return 0, nil
	}
	n, err := r.Store.Views().CountDue(ctx, r.dueQuery(r.Clock.Now(), systems))
	if r.Limit > 0 {
		n = min(n, r.Limit)
	}
	return n, err
}

// systems lists the payment systems with an adapter in this program.
func (r *Renewer) systems() []string { return slices.Sorted(maps.Keys(r.Collector.Providers)) }

// orphans lists the registered payment systems without an adapter in this program.
func (r *Renewer) orphans(ctx context.Context) ([]string, error) {
	registered, err := r.Store.Views().PaymentSystems(ctx)
	var codes []string
	for _, ps := range registered {
		if _, ok := r.Collector.Providers[ps.Code]; !ok {
			codes = append(codes, ps.Code)
		}
	}
	return codes, err
}

// bill bills one subscription, for a run and for a plan.
func (r *Renewer) bill(d ports.Due, now time.Time) (billing.Subscription, billing.Payment, []billing.Event, bool) {
	return d.Subscription.Bill(billing.PaymentID(r.NewID()), d.Method, r.Calendar, now)
}
