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

// Renewer charges what is due, without the viewer. Any number of runs may go on
// at once, on any number of machines: each subscription is charged once.
//
// A run is a pipeline of bounded size. No connection is held while a payment
// system is asked:
//
//	settle   what earlier runs left unsettled
//	claim    lock due subscriptions · Bill each · write intents, a batch per transaction
//	charge   so many at once
//	record   Settle · write over what claim wrote, unless somebody has written
//	         since: then lock · re-read · Settle · a batch per transaction
//	settle   what this run left unsettled
type Renewer struct {
	Store     ports.Store
	Clock     ports.Clock
	NewID     func() string
	Calendar  billing.Calendar
	Collector *payments.Collector
	Log       *slog.Logger

	// Concurrency is how many charges are under way at once, at most; at least 1.
	Concurrency int
	// Limit is how many subscriptions a run takes up, at most; 0 is all.
	Limit int
	// Progress is told how far a run is, now and then; nil is for nobody.
	Progress func(ports.Summary)
}

// Run makes one run. When ctx ends, it starts nothing new and finishes what is
// in flight. The summary is good even with an error: [ports.ErrGaveUp],
// [billing.ErrUnavailable] when the database is out of reach, or internal ones.
// Whatever a run leaves behind, the next one takes up.
func (r *Renewer) Run(ctx context.Context) (ports.Summary, error) {
	record := ports.Run{ID: r.NewID(), StartedAt: r.Clock.Now()}
	if err := r.put(ctx, record); err != nil {
		return ports.Summary{}, fmt.Errorf("renew: %w", err)
	}
	p := newPipeline(r)
	err := errors.Join(p.run(ctx), p.gaveUp())
	record.Summary, record.FinishedAt = p.count.summary(), r.Clock.Now()
	if err != nil {
		record.Error = err.Error()
		err = fmt.Errorf("renew: %w", err)
	}
	return record.Summary, errors.Join(err, r.put(context.WithoutCancel(ctx), record))
}

func (r *Renewer) put(ctx context.Context, record ports.Run) error {
	return r.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Runs.Put(ctx, record) })
}

// Decision is what a run would do with one subscription.
type Decision struct {
	billing.Subscription                 // as it is
	Payment              billing.Payment // what would be charged, if Billed
	Billed               bool
	After                billing.Subscription // as it would be until the payment is settled
	NoAdapter            bool                 // nothing can be done: the payment system has no adapter here
}

// Plan calls each for every subscription that a run would take up now, the
// earliest first, with what would be done; before that, for every one that it
// can do nothing with, which its limit does not count. It changes nothing and
// asks no payment system.
func (r *Renewer) Plan(ctx context.Context, each func(Decision) error) error {
	if err := r.plan(ctx, each); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	return nil
}

func (r *Renewer) plan(ctx context.Context, each func(Decision) error) error {
	now := r.Clock.Now()
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
	return r.eachDue(ctx, ports.DueQuery{Now: now, Systems: r.systems(), Limit: r.Limit}, func(d ports.Due) error {
		decision := Decision{Subscription: d.Subscription}
		decision.After, decision.Payment, _, decision.Billed = r.bill(d, now)
		return each(decision)
	})
}

// eachDue asks for what is due at the payment systems of q, which names none
// when there are none.
func (r *Renewer) eachDue(ctx context.Context, q ports.DueQuery, each func(ports.Due) error) error {
	if len(q.Systems) == 0 {
		return nil
	}
	return r.Store.Views().Due(ctx, q, each)
}

// Due returns how many subscriptions a run would take up now.
func (r *Renewer) Due(ctx context.Context) (int, error) {
	systems := r.systems()
	if len(systems) == 0 {
		return 0, nil
	}
	n, err := r.Store.Views().CountDue(ctx, ports.DueQuery{Now: r.Clock.Now(), Systems: systems})
	if r.Limit > 0 {
		n = min(n, r.Limit)
	}
	return n, err
}

// systems lists the payment systems that this program has an adapter for.
func (r *Renewer) systems() []string { return slices.Sorted(maps.Keys(r.Collector.Providers)) }

// orphans lists the payment systems that it has none for.
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

// bill decides about one subscription. Both a run and its plan do it here.
func (r *Renewer) bill(d ports.Due, now time.Time) (billing.Subscription, billing.Payment, []billing.Event, bool) {
	return d.Subscription.Bill(billing.PaymentID(r.NewID()), d.Method, r.Calendar, now)
}
