package renewals_test

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// faultyProvider fails calls according to their number, which starts at 1. A nil
// function never fails.
type faultyProvider struct {
	ports.Provider
	before func(n int64) error // fails a charge before the money is taken
	after  func(n int64) error // fails a charge after the money is taken
	find   func(n int64) error // fails a lookup
	delay  time.Duration       // of each charge

	charges, lookups, running atomic.Int64
	maxRunning                atomic.Int64 // most charges that ran at the same time
}

func (f *faultyProvider) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	n := f.charges.Add(1)
	for now, most := f.running.Add(1), f.maxRunning.Load(); now > most && !f.maxRunning.CompareAndSwap(most, now); most = f.maxRunning.Load() {
	}
	defer f.running.Add(-1)
	if f.before != nil {
		if err := f.before(n); err != nil {
			return billing.Outcome{}, err
		}
	}
	if f.delay > 0 {
		select {
		case <-time.After(f.delay):
		case <-ctx.Done():
			return billing.Outcome{}, ctx.Err()
		}
	}
	o, err := f.Provider.Charge(ctx, r)
	if f.after != nil && err == nil {
		if err := f.after(n); err != nil {
			return billing.Outcome{}, err
		}
	}
	return o, err
}

func (f *faultyProvider) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	n := f.lookups.Add(1)
	if f.find != nil {
		if err := f.find(n); err != nil {
			return billing.Outcome{}, err
		}
	}
	return f.Provider.Find(ctx, q)
}

// always fails every call.
func always(err error) func(int64) error { return func(int64) error { return err } }

// threeOfTen fails three calls of ten.
func threeOfTen(err error) func(int64) error {
	return func(n int64) error {
		if n%10 < 3 {
			return err
		}
		return nil
	}
}

// firstCalls fails the first n calls.
func firstCalls(n int64, err error) func(int64) error {
	return func(i int64) error {
		if i <= n {
			return err
		}
		return nil
	}
}
