package renewals

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
)

// batchTime is the target duration of a batch. An intent must be sent well within
// its send window.
const batchTime = time.Second

// intent is a stored payment to be charged.
type intent struct {
	payments.Attempt
	token billing.Secret
}

// batch is a set of intents that were claimed together. All chargers that are free
// take intents from it.
type batch struct {
	intents   []intent
	taken     atomic.Int64
	uncharged atomic.Int64
	started   time.Time
}

// take returns the next intent, or nil if all are taken.
func (b *batch) take() *intent {
	if n := b.taken.Add(1); n <= int64(len(b.intents)) {
		return &b.intents[n-1]
	}
	return nil
}

func (b *batch) hasMore() bool { return b.taken.Load() < int64(len(b.intents)) }

// charge passes stored intents to the chargers. It does so even if the run is about
// to stop: the intents would only wait for the next run.
func (p *pipeline) charge(intents []intent) {
	b := &batch{intents: intents, started: time.Now()}
	b.uncharged.Store(int64(len(intents)))
	for b.hasMore() {
		p.toCharge <- b
	}
}

// chargeAll charges intents, and stays with a batch until all of it is taken.
func (p *pipeline) chargeAll() {
	ctx := context.Background()
	for b := range p.toCharge {
		for i := b.take(); i != nil; i = b.take() {
			p.collector.Charge(ctx, &i.Attempt, i.token)
			p.finish(&i.Attempt)
			p.pace(b)
		}
	}
}

// finish passes an attempt to the recorders, unless it is a refusal that is held back.
func (p *pipeline) finish(a *payments.Attempt) {
	if p.AcceptRefusals {
		p.toRecord.add(a)
		return
	}
	now, released := p.breakers[a.Payment.PaymentSystem].refusals.admit(a)
	if now {
		p.toRecord.add(a)
	}
	p.addAll(released)
}

func (p *pipeline) addAll(attempts []payments.Attempt) {
	for i := range attempts {
		p.toRecord.add(&attempts[i])
	}
}

// pace adapts the size of later batches to the duration of this one.
func (p *pipeline) pace(b *batch) {
	if b.uncharged.Add(-1) > 0 {
		return
	}
	size := int64(len(b.intents))
	switch took := time.Since(b.started); {
	case took < batchTime && size >= p.batchSize.Load()/2:
		p.batchSize.Store(min(2*size, payments.MaxBatch))
	case took > 2*batchTime:
		p.batchSize.Store(max(size/2, 1))
	}
}
