//go:build mutant

package mutant

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// failedLookupIsAbsence treats a lookup without a response as one that found nothing.
type failedLookupIsAbsence struct{ ports.Provider }

func (p failedLookupIsAbsence) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	o, err := p.Provider.Find(ctx, q)
	if err != nil {
		err = ports.ErrChargeNotFound
	}
	return o, err
}

// lookupsStopCharges refuses all charges after twenty lookups in a row have failed.
type lookupsStopCharges struct {
	ports.Provider
	failed *atomic.Int64
}

func (p lookupsStopCharges) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	o, err := p.Provider.Find(ctx, q)
	if err == nil || errors.Is(err, ports.ErrChargeNotFound) {
		p.failed.Store(0)
	} else {
		p.failed.Add(1)
	}
	return o, err
}

func (p lookupsStopCharges) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if p.failed.Load() >= 20 {
		return billing.Outcome{}, ports.ErrNotSent
	}
	return p.Provider.Charge(ctx, r)
}

// unknownIsGivenUp abandons a payment at its second lookup without a response.
type unknownIsGivenUp struct {
	ports.Provider
	failed *sync.Map // the payments with such a lookup
}

func (p unknownIsGivenUp) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	o, err := p.Provider.Find(ctx, q)
	if err == nil || errors.Is(err, ports.ErrChargeNotFound) {
		return o, err
	}
	if _, again := p.failed.LoadOrStore(q.Key, true); again {
		return billing.Abandon(billing.NotSent), nil
	}
	return o, err
}

// earlierAbsence believes an absence although another process was given the right to
// send the payment afterwards.
func earlierAbsence(_ *bug, tx *ports.Repos) { tx.Leases = anyWindow{tx.Leases} }

type anyWindow struct{ ports.PaymentLeases }

// LeaseForResend replaces the observed send windows by the current ones. Leasing the
// payments for a sweep reads them.
func (l anyWindow) LeaseForResend(ctx context.Context, send time.Duration, absent ...ports.Absence) ([]ports.PaymentKey, error) {
	current, err := l.PaymentLeases.LeaseForSweep(ctx, ports.SweepQuery{System: "simulator", Limit: 1000})
	if err != nil {
		return nil, err
	}
	for i := range absent {
		for _, u := range current {
			if u.ID == absent[i].ID {
				absent[i].SendUntil = u.Times.Until
			}
		}
	}
	return l.PaymentLeases.LeaseForResend(ctx, send, absent...)
}
