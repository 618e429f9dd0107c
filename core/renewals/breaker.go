package renewals

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// maxFailures is after how many failures in a row a run gives a payment system
// up. With three of ten answers lost that happens to one run in 10^10.
const maxFailures = 20

// breaker is a payment system that is asked no more once it does not accept our
// credentials or fails again and again. What it is not asked any more was surely
// not sent.
type breaker struct {
	ports.Provider
	failures atomic.Int64
}

func (b *breaker) open() bool { return b.failures.Load() >= maxFailures }

// Charge implements [ports.Provider].
func (b *breaker) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if b.open() {
		return billing.Outcome{}, ports.ErrNotSent
	}
	o, err := b.Provider.Charge(ctx, r)
	b.note(ctx, err)
	return o, err
}

// Find implements [ports.Provider]. That there is no such charge says nothing about
// how the payment system fares with charges.
func (b *breaker) Find(ctx context.Context, key billing.PaymentID) (billing.Outcome, error) {
	if b.open() {
		return billing.Outcome{}, ports.ErrNotSent
	}
	o, err := b.Provider.Find(ctx, key)
	if !errors.Is(err, ports.ErrChargeNotFound) {
		b.note(ctx, err)
	}
	return o, err
}

func (b *breaker) note(ctx context.Context, err error) {
	switch {
	case errors.Is(err, ports.ErrCredentials):
		b.failures.Store(maxFailures)
	case err == nil, errors.Is(err, ports.ErrTokenUnknown), errors.Is(err, ports.ErrRefused), errors.Is(err, ports.ErrKeyConflict):
		b.forgive()
	case errors.Is(ctx.Err(), context.Canceled): // it was us who stopped
	default:
		b.failures.Add(1)
	}
}

// forgive starts counting anew. What was under way when it opened does not close
// it.
func (b *breaker) forgive() {
	for n := b.failures.Load(); n < maxFailures && !b.failures.CompareAndSwap(n, 0); n = b.failures.Load() {
	}
}
