//go:build mutant

package mutant

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// lost reports whether err leaves open what became of a charge.
func lost(err error) bool {
	for _, known := range []error{ports.ErrNotSent, ports.ErrTokenUnknown, ports.ErrRefused, ports.ErrKeyConflict, ports.ErrCredentials} {
		if errors.Is(err, known) {
			return false
		}
	}
	return err != nil
}

// newKeyOnRetry tries again with a key of its own when the answer is lost.
type newKeyOnRetry struct{ ports.Provider }

func (p newKeyOnRetry) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	if lost(err) {
		r.Key = billing.PaymentID(uuid.NewString())
		return p.Provider.Charge(ctx, r)
	}
	return o, err
}

// timeoutIsDecline takes a lost answer for a no.
type timeoutIsDecline struct{ ports.Provider }

func (p timeoutIsDecline) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	if lost(err) {
		return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.ProcessingError}, nil
	}
	return o, err
}

// amountNotCompared believes that what was asked for was taken.
type amountNotCompared struct{ ports.Provider }

func (p amountNotCompared) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	if o.Status == billing.PaymentSucceeded {
		o.Amount = r.Amount
	}
	return o, err
}
