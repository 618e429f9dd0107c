package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// paymentSystem takes every charge after a while. It keeps no books: what it
// costs is not what is measured here.
type paymentSystem struct {
	latency time.Duration
	charges atomic.Int64
}

var _ app.Provider = (*paymentSystem)(nil)

// Charge takes the money.
func (p *paymentSystem) Charge(ctx context.Context, r app.ChargeRequest) (billing.Outcome, error) {
	p.charges.Add(1)
	if p.latency > 0 {
		timer := time.NewTimer(p.latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return billing.Outcome{}, ctx.Err()
		}
	}
	return billing.Outcome{Status: billing.PaymentSucceeded, Amount: r.Amount, ProviderRef: "ref"}, nil
}

// Find knows nothing: nothing is ever lost.
func (p *paymentSystem) Find(context.Context, billing.PaymentID) (billing.Outcome, error) {
	return billing.Outcome{}, app.ErrChargeNotFound
}

// still is a clock that stands still.
type still time.Time

func (s still) Now() time.Time { return time.Time(s) }
