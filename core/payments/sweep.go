package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/internal/crash"
	"github.com/online-cinema/billing/core/ports"
)

// Swept counts what a sweep did.
type Swept struct {
	Settled int // outcome found and recorded, or given up for certain
	Unknown int // still nobody knows
}

// Sweep looks up to limit payments that are pending although nobody works on
// them, and settles those of which the payment system knows. One that it has
// never seen, and that nobody may be sending any more, is sent again if it is a
// renewal that is still wanted, and abandoned if not.
//
// Any number of sweeps may run at once.
func (c *Collector) Sweep(ctx context.Context, limit int) (Swept, error) {
	results, err := c.SweepResults(ctx, limit, sweepConcurrency)
	var swept Swept
	for _, r := range results {
		if r.Payment.Settled() {
			swept.Settled++
		} else {
			swept.Unknown++
		}
	}
	if err != nil {
		err = fmt.Errorf("sweep: %w", err)
	}
	return swept, err
}

// sweep returns what it took, as it stands afterwards.
func (c *Collector) SweepResults(ctx context.Context, limit, concurrency int) ([]Result, error) {
	var found []ports.Unsettled
	err := c.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		found, err = tx.Payments.LeaseForSweep(ctx, SweepLease, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	verdicts := inParallel(concurrency, found, func(u ports.Unsettled) Verdict { return c.find(ctx, u) })
	known, absent, unknown := sortOut(verdicts)
	crash.Point("sweep.found")
	resent, others, failed := c.resend(ctx, absent, concurrency)
	recorded, err := c.Record(ctx, append(known, resent...)...)
	c.LogResults(ctx, recorded...)
	return append(append(unknown, others...), recorded...), errors.Join(failed, err)
}

// find asks for a payment. The verdict's error is [ports.ErrChargeNotFound] when the
// payment system has never seen it and never will unless it is sent again.
func (c *Collector) find(ctx context.Context, u ports.Unsettled) Verdict {
	provider, ok := c.Providers[u.PaymentSystem]
	if !ok {
		c.Log.ErrorContext(ctx, "a payment is pending at a payment system without an adapter",
			"payment_id", u.ID, "payment_system", u.PaymentSystem)
		return Verdict{Payment: &u.Payment}
	}
	if ctx.Err() != nil {
		return Verdict{Payment: &u.Payment}
	}
	ctx, cancel := context.WithTimeout(ctx, c.ChargeTimeout)
	defer cancel()
	o, err := provider.Find(ctx, u.ID)
	switch {
	case err == nil:
		return Verdict{Payment: &u.Payment, outcome: o}
	case errors.Is(err, ports.ErrChargeNotFound) && u.SendWindowClosed:
		return Verdict{Payment: &u.Payment, err: ports.ErrChargeNotFound}
	case !errors.Is(err, ports.ErrChargeNotFound):
		c.Log.WarnContext(ctx, "look-up failed", "payment_id", u.ID, "payment_system", u.PaymentSystem, "error", err)
	}
	return Verdict{Payment: &u.Payment}
}

// sortOut tells apart what is known, what was never seen, and the rest.
func sortOut(vs []Verdict) (known, absent []Verdict, unknown []Result) {
	for _, v := range vs {
		switch {
		case v.known():
			known = append(known, v)
		case v.err != nil:
			absent = append(absent, v)
		default:
			unknown = append(unknown, Result{Payment: v.Payment})
		}
	}
	return known, absent, unknown
}

// resend sends again what the payment system has never seen, if it may, and
// abandons the rest: only as many at a time as are sent at once, since each is
// sent within its own window. Both are decided under lock, by whoever gets the
// right to send: another sweep may have been quicker. What is not sent is
// returned as it stands then.
func (c *Collector) resend(ctx context.Context, absent []Verdict, concurrency int) (sent []Verdict, others []Result, err error) {
	for some := range slices.Chunk(absent, concurrency) {
		s, o, err := c.resendSome(ctx, some)
		sent, others = append(sent, s...), append(others, o...)
		if err != nil {
			return sent, others, fmt.Errorf("send again: %w", err)
		}
	}
	return sent, others, nil
}

func (c *Collector) resendSome(ctx context.Context, absent []Verdict) (sent []Verdict, others []Result, err error) {
	sending, done := c.Sending(ctx)
	defer done()
	var a allowed
	err = c.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		a, err = c.allow(ctx, tx, absent)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	c.report(ctx, a.events)
	c.LogResults(ctx, a.others...)
	crash.Point("sweep.resend")
	return inParallel(len(absent), a.jobs, func(j job) Verdict {
		v := Verdict{Payment: &j.payment}
		c.ChargeOrLookUp(sending, &v, j.token)
		v.until = time.Time{} // a sweep that gave it back at once would take it again at once
		return v
	}), a.others, nil
}

// allowed is what became of payments that were never seen.
type allowed struct {
	jobs   []job           // to be sent
	others []Result        // not to be sent, as they stand now
	events []billing.Event // that giving them up caused
}

// job is a payment that may be sent, and what it takes to do so.
type job struct {
	payment billing.Payment
	token   billing.Secret
}

// allow gets the right to send what may be sent, and abandons what is not
// wanted any more.
func (c *Collector) allow(ctx context.Context, tx ports.Repos, absent []Verdict) (allowed, error) {
	all, err := lock(ctx, tx, absent)
	if err != nil {
		return allowed{}, err
	}
	keys := make([]ports.PaymentKey, len(absent))
	for i, v := range absent {
		keys[i] = ports.KeyOf(v.Payment)
	}
	granted, err := tx.Payments.LeaseForResend(ctx, c.SendWindow(), keys...)
	if err != nil {
		return allowed{}, err
	}
	now := c.Clock.Now()
	var a allowed
	var over []Verdict
	for i, k := range keys {
		s, p := all[i].subscription, all[i].payment
		if !slices.Contains(granted, k) {
			a.others = append(a.others, Result{Subscription: s, Payment: p})
			continue
		}
		m, err := tx.Methods.Find(ctx, p.UserID, p.MethodID)
		if err != nil {
			return allowed{}, err
		}
		if s.MayResend(*p, m, now) {
			a.jobs = append(a.jobs, job{*p, m.Token})
		} else {
			over = append(over, Verdict{Payment: p, outcome: billing.Abandon(billing.NotSent), err: ports.ErrChargeNotFound})
		}
	}
	if len(over) == 0 {
		return a, nil
	}
	abandoned, events, err := c.settle(ctx, tx, lock, over)
	a.others, a.events = append(a.others, abandoned...), events
	return a, err
}

// inParallel applies f to all items, so many at once, and keeps their order.
func inParallel[T, R any](concurrency int, items []T, f func(T) R) []R {
	results := make([]R, len(items))
	places := make(chan struct{}, concurrency)
	var wg sync.WaitGroup
	for i, item := range items {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			results[i] = f(item)
		})
	}
	wg.Wait()
	return results
}
