package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Record stores the outcomes that are known, and leaves the other payments to the
// sweep. It returns one result per attempt, in their order. If the database becomes
// unavailable, it returns fewer.
//
// If a transaction for several attempts fails although the database is available, one
// of them may be the cause, so Record stores each in a transaction of its own. An
// attempt that fails again leaves its payment pending, and its error in the result.
func (c *Collector) Record(ctx context.Context, attempts ...Attempt) ([]Result, error) {
	results, err := c.record(ctx, attempts)
	if len(attempts) > 1 && ports.ItemFault(err) {
		c.Log.WarnContext(ctx, "a batch of outcomes was not recorded; each is recorded alone", "payments", len(attempts), "error", err)
		results, err = c.recordEach(ctx, attempts)
	}
	c.log(ctx, results...)
	return results, err
}

// recordEach records each attempt in a transaction of its own.
func (c *Collector) recordEach(ctx context.Context, attempts []Attempt) ([]Result, error) {
	results := make([]Result, 0, len(attempts))
	var failed []error
	for i, a := range attempts {
		alone, err := c.record(ctx, attempts[i:i+1])
		switch {
		case err == nil:
			results = append(results, alone[0])
		case !ports.ItemFault(err):
			return results, err
		default:
			results, failed = append(results, Result{Payment: a.Payment, Err: err}), append(failed, err)
			c.Log.ErrorContext(ctx, "an outcome was not recorded; its payment stays pending",
				"payment_id", a.Payment.ID, "payment_system", a.Payment.PaymentSystem, "error", err)
		}
	}
	if len(failed) > 0 {
		return results, fmt.Errorf("%d of %d outcomes were not recorded: %w", len(failed), len(attempts), failed[0])
	}
	return results, nil
}

// record stores the outcomes in one transaction.
func (c *Collector) record(ctx context.Context, attempts []Attempt) ([]Result, error) {
	if len(attempts) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.RecordTimeout)
	defer cancel()
	load := loadKnown
	if slices.ContainsFunc(attempts, func(a Attempt) bool { return a.needsLock() }) {
		load = loadLocked
	}
	r, err := c.recordWith(ctx, load, attempts)
	if errors.Is(err, ports.ErrChanged) {
		r, err = c.recordWith(ctx, loadLocked, attempts)
	}
	if err != nil {
		return nil, fmt.Errorf("record %d payments, the first %s: %w", len(attempts), attempts[0].Payment.ID, err)
	}
	c.report(ctx, r.events)
	return r.results, nil
}

// recorded is the effect of one transaction.
type recorded struct {
	results []Result
	events  []billing.Event
}

func (c *Collector) recordWith(ctx context.Context, load loader, attempts []Attempt) (recorded, error) {
	return ports.InTx(ctx, c.Store, func(tx ports.Repos) (recorded, error) {
		all, err := load(ctx, tx, attempts)
		if err != nil {
			return recorded{}, err
		}
		return c.settle(ctx, tx, all, attempts)
	})
}

// settle applies the outcomes to the stored payments and subscriptions.
func (c *Collector) settle(ctx context.Context, tx ports.Repos, all []stored, attempts []Attempt) (recorded, error) {
	now := c.Clock.Now()
	results := make([]Result, 0, len(attempts))
	w := newWrites(len(attempts))
	for i := range attempts {
		results = append(results, w.settle(all[i], &attempts[i], c.Retries, c.Calendar, now))
	}
	ports.Identify(w.events, c.NewID)
	return recorded{results, w.events}, w.apply(ctx, tx)
}

// stored is a payment and its subscription as the store holds them.
type stored struct {
	subscription *billing.Subscription
	payment      *billing.Payment
	version      ports.RowVersion       // of both rows
	method       *billing.PaymentMethod // if the attempt needs it
}

// loader returns the stored state of each attempt, in their order.
type loader func(ctx context.Context, tx ports.Repos, attempts []Attempt) ([]stored, error)

// loadKnown uses the state stored with the intents instead of reading it again.
// SaveIfUnchanged verifies that it is still current.
func loadKnown(_ context.Context, _ ports.Repos, attempts []Attempt) ([]stored, error) {
	all := make([]stored, len(attempts))
	for i := range attempts {
		all[i] = stored{subscription: attempts[i].Subscription, payment: attempts[i].Payment, version: attempts[i].Version}
	}
	return all, nil
}

// loadLocked locks the subscriptions, then the payments, then the methods that are
// needed, and reads them.
func loadLocked(ctx context.Context, tx ports.Repos, attempts []Attempt) ([]stored, error) {
	subKeys := make([]ports.SubscriptionKey, len(attempts))
	payKeys := make([]ports.PaymentKey, len(attempts))
	for i, a := range attempts {
		subKeys[i] = ports.SubscriptionKey{User: a.Payment.UserID, ID: a.Payment.SubscriptionID}
		payKeys[i] = ports.KeyOf(a.Payment)
	}
	subList, err := tx.Subscriptions.Lock(ctx, subKeys...)
	if err != nil {
		return nil, err
	}
	payList, err := tx.Payments.Lock(ctx, payKeys...)
	if err != nil {
		return nil, err
	}
	subs := make(map[billing.SubscriptionID]*billing.Subscription, len(attempts))
	for i := range subList {
		subs[subList[i].ID] = &subList[i]
	}
	pays := make(map[billing.PaymentID]*billing.Payment, len(attempts))
	for i := range payList {
		pays[payList[i].ID] = &payList[i]
	}
	if len(subs) != len(attempts) || len(pays) != len(attempts) {
		return nil, fmt.Errorf("of %d payments, %d are stored, with %d subscriptions: %w", len(attempts), len(pays), len(subs), billing.ErrPaymentNotFound)
	}
	all := make([]stored, len(attempts))
	for i, a := range attempts {
		all[i] = stored{subscription: subs[a.Payment.SubscriptionID], payment: pays[a.Payment.ID], version: ports.Locked}
		if !a.needsMethod() {
			continue
		}
		m, err := tx.Methods.Find(ctx, a.Payment.UserID, a.Payment.MethodID)
		if err != nil {
			return nil, err
		}
		all[i].method = &m
	}
	return all, nil
}
