package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// SweepLease is how long a sweep keeps a payment to itself.
const SweepLease = 10 * time.Second

// lookupInterval is the time between two lookups of a payment that stays pending. A
// payment that waits for its viewer's confirmation for an hour would need hundreds of
// lookups otherwise.
var lookupInterval = billing.LookupInterval{Min: SweepLease, Max: 10 * time.Minute}

// Swept lists the payments that a sweep took, as the sweep left them.
type Swept []Result

// Count returns how many of the payments are settled and how many are still
// pending.
func (s Swept) Count() (settled, pending int) {
	return count(s, func(r Result) bool { return r.Payment.Settled() })
}

func count[T any](swept []T, isSettled func(T) bool) (settled, pending int) {
	for _, one := range swept {
		if isSettled(one) {
			settled++
		}
	}
	return settled, len(swept) - settled
}

// SystemsToSweep returns the codes of the payment systems that have payments to look up, in
// any order.
func (c *Collector) SystemsToSweep(ctx context.Context) ([]string, error) {
	systems, err := c.Store.Views().SystemsToSweep(ctx)
	if err != nil {
		err = fmt.Errorf("sweep: %w", err)
	}
	return systems, err
}

// SweepSystem looks up at most limit pending payments of one payment system that no
// process works on. It settles the payments that the payment system knows. A payment
// that was never received and that no process may still send is sent again if it is a
// renewal that is still wanted, and abandoned otherwise. A payment that the payment
// system may have forgotten waits for a person, and so does a viewer's own payment that has
// been open for too long. A payment that was abandoned without an answer is looked up again,
// an hour and a day later. At most concurrency lookups are in flight. Known outcomes are
// recorded before any payment is sent again.
//
// Any number of sweeps may run concurrently. A payment system that is slow delays its
// own sweep only. The payments are returned even with an error.
func (c *Collector) SweepSystem(ctx context.Context, system string, limit, concurrency int) (Swept, error) {
	swept, err := c.sweep(ctx, ports.SweepQuery{System: system, Interval: lookupInterval, Limit: limit}, concurrency)
	if err != nil {
		err = fmt.Errorf("sweep %s: %w", system, err)
	}
	return swept, err
}

func (c *Collector) sweep(ctx context.Context, q ports.SweepQuery, concurrency int) (Swept, error) {
	leased, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) ([]ports.Unsettled, error) {
		return tx.Leases.LeaseForSweep(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	lookups := inParallel(concurrency, leased, func(u ports.Unsettled) lookup { return c.find(ctx, u) })
	var known, stuck []Attempt
	var absent []lookup
	var swept Swept
	overdue := make(map[billing.PaymentID]bool)
	for _, l := range lookups {
		overdue[l.Payment.ID] = l.times.OwnPaymentOverdue(*l.Payment, l.answered)
		switch {
		case l.Known():
			known = append(known, l.Attempt)
		case l.absent:
			absent = append(absent, l)
		case l.forgotten || overdue[l.Payment.ID]:
			stuck = append(stuck, l.Attempt)
		default:
			swept = append(swept, Result{Payment: l.Payment})
		}
	}
	recorded, err := c.Record(ctx, known...)
	recorded = slices.DeleteFunc(recorded, func(r Result) bool {
		renewal := r.Payment.Initiator == billing.MerchantInitiated
		waits := renewal && r.Payment.NeedsReview() || !r.Payment.Settled() && overdue[r.Payment.ID]
		if waits {
			stuck = append(stuck, Attempt{Payment: r.Payment, err: r.Err, sweep: true})
		}
		return waits
	})
	reviewed, unreviewed := c.review(ctx, stuck)
	resent, failed := c.resend(ctx, absent, concurrency)
	return slices.Concat(swept, recorded, reviewed, resent), errors.Join(err, unreviewed, failed, c.recheck(ctx, q, concurrency))
}

// lookup is an attempt to find a payment at its payment system.
type lookup struct {
	Attempt
	// absent reports that the payment system never received the payment and that no
	// process could still send it when it was leased.
	absent bool
	// forgotten reports that the payment system may have received the payment and
	// forgotten it.
	forgotten bool
	answered  bool // the lookup had an answer
	times     billing.SendTimes
}

func (c *Collector) find(ctx context.Context, u ports.Unsettled) lookup {
	l := lookup{Attempt: Attempt{Payment: &u.Payment, sweep: true, firstSent: u.Times.First}, times: u.Times}
	provider, ok := c.Providers[u.PaymentSystem]
	if !ok {
		c.Log.ErrorContext(ctx, "a payment is pending at a payment system without an adapter",
			"payment_id", u.ID, "payment_system", u.PaymentSystem)
		return l
	}
	if ctx.Err() != nil {
		return l
	}
	ctx, cancel := context.WithTimeout(ctx, c.ChargeTimeout)
	defer cancel()
	from := u.Times.First
	if from.IsZero() {
		from = u.CreatedAt
	}
	o, err := provider.Find(ctx, l.query(from, u.Times.Until))
	l.answered = err == nil || errors.Is(err, ports.ErrChargeNotFound)
	switch {
	case err == nil:
		c.learn(ctx, &l.Attempt, o)
	case errors.Is(err, ports.ErrChargeNotFound):
		limits := provider.Capabilities()
		final := limits.AbsenceFinal(u.Times)
		l.forgotten = final && limits.Forgotten(u.Times)
		l.absent = final && !l.forgotten
	default:
		c.Log.WarnContext(ctx, "lookup failed", "payment_id", u.ID, "payment_system", u.PaymentSystem, "error", err)
	}
	return l
}

// resend sends absent payments again if they may be, and abandons the others. It
// takes as many at a time as are sent concurrently, because each has its own send
// window. It returns the payments as they are stored afterwards. A payment that cannot
// be resent does not affect the others, unless the database is unavailable.
func (c *Collector) resend(ctx context.Context, absent []lookup, concurrency int) ([]Result, error) {
	var all []Result
	var failed []error
	for chunk := range slices.Chunk(absent, concurrency) {
		results, err := c.resendChunk(ctx, chunk)
		all = append(all, results...)
		if err != nil {
			failed = append(failed, fmt.Errorf("send again: %w", err))
		}
		if err != nil && !ports.ItemFault(err) {
			break
		}
	}
	return all, errors.Join(failed...)
}

// resendChunk takes the right to send the payments in one transaction. If that fails,
// it resends each alone.
//
// It postpones refusals that may be caused by the service. A sweep sees too few
// answers to recognize such a fault; the next run decides.
func (c *Collector) resendChunk(ctx context.Context, absent []lookup) ([]Result, error) {
	deadline := c.SendDeadline()
	g, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) (grants, error) { return c.grant(ctx, tx, absent) })
	switch {
	case len(absent) > 1 && ports.ItemFault(err):
		return c.resend(ctx, absent, 1)
	case err != nil:
		return nil, fmt.Errorf("payment %s: %w", absent[0].Payment.ID, err)
	}
	c.report(ctx, g.events)
	c.log(ctx, g.notSent...)
	c.reportNotAgreed(ctx, g.notSent)
	attempts := inParallel(len(absent), g.resends, func(r resend) Attempt {
		a := Attempt{Payment: &r.payment, Deadline: deadline, sweep: true, firstSent: r.firstSent, Receipt: r.receipt}
		c.Charge(ctx, &a, r.token)
		if a.Refusal() != "" {
			a.Postpone()
		}
		return a
	})
	var stuck []Attempt
	attempts = slices.DeleteFunc(attempts, func(a Attempt) bool {
		tooLate := !a.Known() && errors.Is(a.err, ports.ErrTooLate)
		if tooLate {
			stuck = append(stuck, a)
		}
		return tooLate
	})
	recorded, err := c.Record(ctx, attempts...)
	reviewed, unreviewed := c.review(ctx, stuck)
	return slices.Concat(g.notSent, recorded, reviewed), errors.Join(err, unreviewed)
}

// grants is the decision on payments that the payment system never received.
type grants struct {
	resends []resend
	notSent []Result        // settled, or left to another sweep
	events  []billing.Event // caused by abandoned payments
}

// resend is a payment that this sweep may send again.
type resend struct {
	payment   billing.Payment
	token     billing.Secret
	receipt   *billing.Receipt
	firstSent time.Time
}

// grant takes the right to send the absent payments, under lock, because another
// sweep may have been faster. It abandons the payments that must not be sent.
func (c *Collector) grant(ctx context.Context, tx ports.Repos, absent []lookup) (grants, error) {
	attempts := make([]Attempt, len(absent))
	observed := make([]ports.Absence, len(absent))
	for i, l := range absent {
		attempts[i] = l.Attempt
		observed[i] = ports.Absence{PaymentKey: ports.KeyOf(l.Payment), SendUntil: l.times.Until}
	}
	all, err := loadLocked(ctx, tx, attempts)
	if err != nil {
		return grants{}, err
	}
	granted, err := tx.Leases.LeaseForResend(ctx, c.SendWindow(), observed...)
	if err != nil {
		return grants{}, err
	}
	now := c.Clock.Now()
	var g grants
	var abandoned []Attempt
	var abandonedAs []stored
	for i, o := range observed {
		s, p := all[i].subscription, all[i].payment
		if !slices.Contains(granted, o.PaymentKey) {
			g.notSent = append(g.notSent, Result{Subscription: s, Payment: p})
			continue
		}
		m, err := tx.Methods.Find(ctx, p.UserID, p.MethodID)
		if err != nil {
			return grants{}, err
		}
		unagreed := c.Consents.checkPayment(s, p)
		if unagreed == nil && s.MayResend(*p, m, now) {
			receipt, err := receiptOf(ctx, tx, p.UserID, billing.ReceiptID(p.ID))
			if err != nil {
				return grants{}, err
			}
			g.resends = append(g.resends, resend{*p, m.Token, receipt, absent[i].times.First})
			continue
		}
		abandoned = append(abandoned, Attempt{
			Payment: p, outcome: billing.Abandon(billing.NotSent), err: cmp.Or(unagreed, ports.ErrChargeNotFound), sweep: true,
		})
		abandonedAs = append(abandonedAs, all[i])
	}
	if len(abandoned) == 0 {
		return g, nil
	}
	r, err := c.settle(ctx, tx, abandonedAs, abandoned)
	g.notSent, g.events = append(g.notSent, r.results...), r.events
	return g, err
}

// inParallel applies f to all items, at most concurrency at a time, and keeps their
// order.
func inParallel[T, R any](concurrency int, items []T, f func(T) R) []R {
	results := make([]R, len(items))
	slots := make(chan struct{}, concurrency)
	var wg sync.WaitGroup
	for i, item := range items {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i] = f(item)
		})
	}
	wg.Wait()
	return results
}

// sweepEach is [inParallel] for an f that can fail. It returns all results, and the errors
// joined.
func sweepEach[T, R any](concurrency int, items []T, f func(T) (R, error)) ([]R, error) {
	type result struct {
		swept R
		err   error
	}
	var swept []R
	var failed []error
	for _, r := range inParallel(concurrency, items, func(item T) result {
		one, err := f(item)
		return result{one, err}
	}) {
		swept, failed = append(swept, r.swept), append(failed, r.err)
	}
	return swept, errors.Join(failed...)
}
