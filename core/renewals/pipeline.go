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
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/internal/crash"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

const (
	claimers  = 2
	recorders = 2
	// batchTime is how long the charges of a batch should take: an intent must be
	// sent well within its send window.
	batchTime = time.Second
	// flushAfter is how long an outcome waits for others to be recorded with.
	flushAfter = 20 * time.Millisecond
	// settleBatch is how many payments are settled at a time.
	settleBatch = 200
	// settlePoll is how often those are looked for that others are sending.
	settlePoll = 200 * time.Millisecond
)

// pipeline is one run.
type pipeline struct {
	*Renewer
	collector payments.Collector // ours, behind breakers
	breakers  map[string]*breaker
	count     counter
	allowance allowance
	batch     atomic.Int64 // how many to claim at a time
	others    chan bool    // tells all claimers but the first whether they are needed
	told      sync.Once
	toCharge  chan *batch
	toRecord  *outcomes
}

// dueJob is an intent to be sent with the others of its batch, and what becomes
// of it.
type dueJob struct {
	payments.Verdict
	token billing.Secret
}

// batch is what was claimed together, to be sent until a deadline by as many
// chargers as are free.
type batch struct {
	jobs    []dueJob
	taken   atomic.Int64
	left    atomic.Int64 // that are not charged yet
	sending context.Context
	done    context.CancelFunc
	from    time.Time
}

// take returns the next one to be sent; nil when somebody has taken the last.
func (b *batch) take() *dueJob {
	if n := b.taken.Add(1); n <= int64(len(b.jobs)) {
		return &b.jobs[n-1]
	}
	return nil
}

func (b *batch) waits() bool { return b.taken.Load() < int64(len(b.jobs)) }

func newPipeline(r *Renewer) *pipeline {
	p := &pipeline{
		Renewer: r, collector: *r.Collector, breakers: make(map[string]*breaker),
		toCharge: make(chan *batch), toRecord: newOutcomes(),
	}
	p.collector.Providers = make(map[string]ports.Provider)
	for code, provider := range r.Collector.Providers {
		b := &breaker{Provider: provider}
		p.breakers[code], p.collector.Providers[code] = b, b
	}
	p.others = make(chan bool, claimers-1)
	p.count.progress = r.Progress
	p.allowance.limit, p.allowance.left = r.Limit > 0, r.Limit
	p.batch.Store(int64(min(payments.MaxBatch, r.Concurrency))) // until it is known how long a charge takes: none waits for another
	return p
}

func (p *pipeline) run(ctx context.Context) error {
	if err := p.reportOrphans(ctx); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if err := p.renew(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	if err := p.settleRest(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	return p.reread(ctx)
}

// up lists the payment systems that may be asked.
func (p *pipeline) up() []string {
	var up []string
	for _, code := range slices.Sorted(maps.Keys(p.breakers)) {
		if !p.breakers[code].open() {
			up = append(up, code)
		}
	}
	return up
}

func (p *pipeline) gaveUp() error {
	up := p.up()
	if len(up) == len(p.breakers) {
		return nil
	}
	down := slices.DeleteFunc(slices.Sorted(maps.Keys(p.breakers)), func(code string) bool { return slices.Contains(up, code) })
	return fmt.Errorf("%w: %s", ports.ErrGaveUp, strings.Join(down, ", "))
}

// reportOrphans counts as failed what is due at payment systems that this
// program has no adapter for.
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
			p.count.add(ports.Summary{Due: n, Failed: n})
		}
	}
	return nil
}

// renew runs claimers, chargers and recorders until nothing is due.
func (p *pipeline) renew(ctx context.Context) error {
	var claiming, charging, recording sync.WaitGroup
	claimErrs, recordErrs := make([]error, min(claimers, p.Concurrency)), make([]error, recorders)
	for i := range claimErrs {
		claiming.Go(func() {
			if i > 0 && !<-p.others {
				return // one found all there is
			}
			claimErrs[i] = p.claimAll(ctx)
			p.helpers(false)
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
	p.toRecord.close()
	recording.Wait()
	return errors.Join(append(claimErrs, recordErrs...)...)
}

// claimAll claims until nothing is due. It starts each search where it found
// something last: before that the index holds little but entries of what was
// claimed, dead until they are vacuumed. When it finds nothing any more, it looks
// once from the beginning for what others had locked.
func (p *pipeline) claimAll(ctx context.Context) error {
	var from time.Time
	for ctx.Err() == nil {
		systems, n := p.up(), p.allowance.take(int(p.batch.Load()))
		if len(systems) == 0 || n == 0 {
			return nil
		}
		q := ports.DueQuery{Now: p.Clock.Now(), From: from, Systems: systems, Limit: n}
		found, last, err := p.claim(ctx, q)
		p.allowance.giveBack(n - found)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("claim: %w", err)
		case found == 0 && from.IsZero():
			return nil
		case found == q.Limit:
			p.helpers(true)
		}
		from = last // zero when nothing was found
	}
	return nil
}

// helpers tells the other claimers, once, whether they are needed.
func (p *pipeline) helpers(needed bool) {
	p.told.Do(func() {
		for range claimers - 1 {
			p.others <- needed
		}
	})
}

// claim bills a batch and hands it to the chargers. It returns how many it
// found, and when the last of them was due. Once it has begun, the end of ctx
// does not end it: nobody would know whether the batch is to be sent.
func (p *pipeline) claim(ctx context.Context, q ports.DueQuery) (found int, last time.Time, err error) {
	sending, cancel := p.collector.Sending(ctx)
	deadline, _ := sending.Deadline() // from before the intents are stored
	cancel()
	deadline = deadline.Add(p.queueTime())
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), p.collector.RecordTimeout)
	defer cancel()
	var c claimed
	err = p.Store.InTx(ctx, func(tx ports.Repos) error {
		due, err := tx.Subscriptions.LockDue(ctx, q)
		if err != nil || len(due) == 0 {
			c = claimed{}
			return err
		}
		if c, err = p.billAll(due, q.Now); err != nil {
			return err
		}
		return c.Apply(ctx, tx)
	})
	if err != nil {
		return 0, time.Time{}, err
	}
	crash.Point("renew.claimed")
	p.count.add(ports.Summary{Due: len(c.jobs), Ended: c.ended})
	if len(c.jobs) > 0 {
		p.hand(c.jobs, deadline)
	}
	return len(c.jobs) + c.ended, c.last, nil
}

// hand gives a batch to the chargers. What was stored is sent even when the run is
// to stop: it would only wait for the next run.
func (p *pipeline) hand(jobs []dueJob, deadline time.Time) {
	b := &batch{jobs: jobs, from: time.Now()}
	b.sending, b.done = context.WithDeadline(context.Background(), deadline)
	b.left.Store(int64(len(jobs)))
	for b.waits() {
		p.toCharge <- b
	}
}

// queueTime is how long an intent may wait for its turn, which comes at the
// latest when a charge that was begun before has taken all its time.
func (p *pipeline) queueTime() time.Duration { return p.collector.ChargeTimeout }

// sendWindow is how long an intent of a run may be sent after it was stored.
func (p *pipeline) sendWindow() time.Duration { return p.collector.SendWindow() + p.queueTime() }

// claimed is what becomes of a batch of due subscriptions.
type claimed struct {
	payments.Writes
	jobs  []dueJob
	ended int
	last  time.Time // when the last of them was due
}

func (p *pipeline) billAll(due []ports.Due, now time.Time) (claimed, error) {
	c := claimed{
		last: due[len(due)-1].NextChargeAt, jobs: make([]dueJob, 0, len(due)),
		Writes: payments.Writes{
			Subscriptions: payments.NewChanges[billing.Subscription](len(due)), NewPayments: make([]billing.Payment, 0, len(due)),
			Send: p.sendWindow(),
		},
	}
	for i := range due {
		d := &due[i]
		s, payment, events, billed := p.bill(*d, now)
		subscription := c.Subscriptions.Add(s, payments.Locked)
		c.Events = append(c.Events, events...)
		switch {
		case billed:
			c.NewPayments = append(c.NewPayments, payment)
			v := payments.Verdict{Payment: &c.NewPayments[len(c.NewPayments)-1], Subscription: subscription, Version: d.Version}
			c.jobs = append(c.jobs, dueJob{v, d.Method.Token})
		case !s.Live():
			c.ended++
		default: // it would be found again and again
			return claimed{}, fmt.Errorf("subscription %s is due, but there is nothing to do with it", d.ID)
		}
	}
	ports.Identify(c.Events, p.NewID)
	return c, nil
}

// allowance is how many subscriptions a run may still take up, when it may not
// take up all.
type allowance struct {
	mu    sync.Mutex
	limit bool
	left  int
}

func (a *allowance) take(n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.limit {
		return n
	}
	n = min(n, a.left)
	a.left -= n
	return n
}

func (a *allowance) giveBack(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left += n
}

// chargeAll sends intents, and helps with a batch until all of it is taken.
func (p *pipeline) chargeAll() {
	for b := range p.toCharge {
		for j := b.take(); j != nil; j = b.take() {
			p.charge(b.sending, j)
			p.toRecord.add(&j.Verdict)
			p.pace(b)
		}
	}
}

// charge sends an intent. One that waited for so long that it cannot have all its
// time any more is not sent: cut short, it would look as if the payment system
// were down.
func (p *pipeline) charge(ctx context.Context, j *dueJob) {
	if deadline, _ := ctx.Deadline(); time.Until(deadline) < p.collector.ChargeTimeout {
		late, cancel := context.WithCancel(ctx)
		cancel()
		ctx = late
	}
	p.collector.ChargeOrLookUp(ctx, &j.Verdict, j.token)
}

// pace sets the size of the next batches by how long this one took.
func (p *pipeline) pace(b *batch) {
	if b.left.Add(-1) > 0 {
		return
	}
	b.done()
	size := int64(len(b.jobs))
	switch took := time.Since(b.from); {
	case took < batchTime && size >= p.batch.Load()/2:
		p.batch.Store(min(2*size, payments.MaxBatch))
	case took > 2*batchTime:
		p.batch.Store(max(size/2, 1))
	}
}

// recordAll writes outcomes down, as many at a time as there are.
func (p *pipeline) recordAll(ctx context.Context) error {
	var errs []error
	for vs := range p.toRecord.ready {
		results, err := p.collector.Record(ctx, vs...)
		if err != nil {
			p.count.add(ports.Summary{Failed: len(vs)})
			errs = append(errs, err)
		} else {
			p.collector.LogResults(ctx, results...)
			p.count.charged(results)
		}
		p.toRecord.done(vs)
	}
	return errors.Join(errs...)
}
