package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// review lets payments wait for a person. It returns them as they are stored afterwards.
func (c *Collector) review(ctx context.Context, stuck []Attempt) ([]Result, error) {
	if len(stuck) == 0 {
		return nil, nil
	}
	r, err := c.reviewTogether(ctx, stuck)
	switch {
	case len(stuck) > 1 && ports.ItemFault(err):
		return c.reviewEach(ctx, stuck)
	case err != nil:
		return nil, fmt.Errorf("review %d payments, the first %s: %w", len(stuck), stuck[0].Payment.ID, err)
	}
	c.report(ctx, r.events)
	return r.results, nil
}

// reviewEach reviews each payment in a transaction of its own, because one of them may be
// the cause of an error.
func (c *Collector) reviewEach(ctx context.Context, stuck []Attempt) ([]Result, error) {
	var all []Result
	var failed []error
	for i := range stuck {
		results, err := c.review(ctx, stuck[i:i+1])
		all, failed = append(all, results...), append(failed, err)
	}
	return all, errors.Join(failed...)
}

func (c *Collector) reviewTogether(ctx context.Context, stuck []Attempt) (recorded, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.RecordTimeout)
	defer cancel()
	return ports.InTx(ctx, c.Store, func(tx ports.Repos) (recorded, error) { return c.reviewIn(ctx, tx, stuck) })
}

func (c *Collector) reviewIn(ctx context.Context, tx ports.Repos, stuck []Attempt) (recorded, error) {
	all, err := loadLocked(ctx, tx, stuck)
	if err != nil {
		return recorded{}, err
	}
	var r recorded
	var subs []billing.Subscription
	var changed []billing.Payment
	now := c.Clock.Now()
	for i, old := range all {
		s, p, events := old.subscription.Review(*old.payment, now)
		if s != *old.subscription {
			subs = append(subs, s)
		}
		if p != *old.payment {
			changed = append(changed, p)
		}
		r.events = append(r.events, events...)
		r.results = append(r.results, Result{Subscription: &s, Payment: &p, Err: stuck[i].err})
	}
	ports.Identify(r.events, c.NewID)
	if err := tx.Events.Append(ctx, r.events...); err != nil {
		return r, err
	}
	if err := tx.Subscriptions.Save(ctx, subs...); err != nil {
		return r, err
	}
	return r, tx.Payments.SaveReview(ctx, changed...)
}
