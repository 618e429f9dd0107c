package renewals

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// maxFailures is the number of consecutive failures after which a run gives up a
// payment system. If three of ten responses are lost, that happens in one of 10^10
// runs.
const maxFailures = 20

// breaker is a circuit breaker. It opens when the payment system rejects our
// credentials or fails repeatedly, and then returns [ports.ErrNotSent] without
// calling it.
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

// Find implements [ports.Provider]. A charge that is not found counts neither as a
// failure nor as a success.
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
	case errors.Is(ctx.Err(), context.Canceled): // the run was stopped
	default:
		b.failures.Add(1)
	}
}

// forgive resets the count. A call that was in flight when the breaker opened does
// not close it.
func (b *breaker) forgive() {
	for n := b.failures.Load(); n < maxFailures && !b.failures.CompareAndSwap(n, 0); n = b.failures.Load() {
	}
}
