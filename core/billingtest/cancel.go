package billingtest

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// SetCancelFault applies a fault to all cancels from now on: one of NoFault, RequestLost,
// ResponseLost and ConnectionRefused.
func (p *FakeProvider) SetCancelFault(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelFault = f
}

// Cancels returns the keys of the cancels that arrived or were lost on the way.
func (p *FakeProvider) Cancels() []billing.PaymentID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]billing.PaymentID(nil), p.cancels...)
}

// Cancel implements [ports.Canceller]. Like a charge, it fails the test inside a transaction.
func (p *FakeProvider) Cancel(_ context.Context, q ports.ChargeQuery) error {
	p.outsideTransaction()
	if p.OnCancel != nil {
		p.OnCancel()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancels = append(p.cancels, q.Key)
	c, known := p.charges[q.Key]
	switch {
	case p.cancelFault == ConnectionRefused:
		return ports.ErrNotSent
	case p.cancelFault == RequestLost:
		return ErrLost
	case !known:
		return ports.ErrChargeNotFound
	case c.outcome.Status == billing.PaymentPending:
		c.outcome = billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.ActionExpired}
		p.charges[q.Key] = c
	case c.outcome.Status == billing.PaymentSucceeded:
		return ports.ErrRefused
	}
	if p.cancelFault == ResponseLost {
		return ErrLost
	}
	return nil
}
