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

// breaker is a circuit breaker. It stops charges when the payment system rejects our
// credentials or fails repeatedly, and then returns [ports.ErrNotSent] without
// calling it. It counts lookups apart and stops them in the same way, because a
// payment system whose lookups fail may well charge. It also stops charges if most of
// them are refused alike: see refusals.
type breaker struct {
	ports.Provider
	charges, lookups failures
	refusals         refusals
}

// Charge implements [ports.Provider].
func (b *breaker) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if b.charges.tooMany() {
		return billing.Outcome{}, ports.ErrNotSent
	}
	o, err := b.Provider.Charge(ctx, r)
	b.charges.note(ctx, err)
	return o, err
}

// Find implements [ports.Provider]. A charge that is found was received, so it also
// resets the count of charges.
func (b *breaker) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	if b.lookups.tooMany() {
		return billing.Outcome{}, ports.ErrNotSent
	}
	o, err := b.Provider.Find(ctx, q)
	b.lookups.note(ctx, err)
	if err == nil {
		b.charges.forgive()
	}
	return o, err
}

// failures counts consecutive failures of one kind of call.
type failures struct{ n atomic.Int64 }

func (f *failures) tooMany() bool { return f.n.Load() >= maxFailures }

// giveUp stops all further calls.
func (f *failures) giveUp() { f.n.Store(maxFailures) }

func (f *failures) note(ctx context.Context, err error) {
	var busy *ports.BusyError
	switch {
	case errors.As(err, &busy): // it works, so the adapter paces the calls
	case errors.Is(err, ports.ErrCredentials):
		f.giveUp()
	case err == nil, errors.Is(err, ports.ErrChargeNotFound), errors.Is(err, ports.ErrTokenUnknown), errors.Is(err, ports.ErrRefused), errors.Is(err, ports.ErrKeyConflict):
		f.forgive()
	case errors.Is(ctx.Err(), context.Canceled): // the run was stopped
	default:
		f.n.Add(1)
	}
}

// forgive resets the count. A call that was in flight when the breaker opened does
// not close it.
func (f *failures) forgive() {
	for n := f.n.Load(); n < maxFailures && !f.n.CompareAndSwap(n, 0); n = f.n.Load() {
	}
}
