//go:build mutant

package mutant

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// lost reports whether the outcome of a charge is unknown after err.
func lost(err error) bool {
	for _, known := range []error{ports.ErrNotSent, ports.ErrTokenUnknown, ports.ErrRefused, ports.ErrKeyConflict, ports.ErrCredentials} {
		if errors.Is(err, known) {
			return false
		}
	}
	return err != nil
}

// newKeyOnRetry retries a charge with a new key when its response is lost.
type newKeyOnRetry struct{ ports.Provider }

func (p newKeyOnRetry) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	if lost(err) {
		r.Key = billing.PaymentID(uuid.NewString())
		return p.Provider.Charge(ctx, r)
	}
	return o, err
}

// timeoutIsDecline treats a lost response as a decline.
type timeoutIsDecline struct{ ports.Provider }

func (p timeoutIsDecline) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	if lost(err) {
		return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.ProcessingError}, nil
	}
	return o, err
}

// amountNotCompared reports the requested amount as the amount taken.
type amountNotCompared struct{ ports.Provider }

func (p amountNotCompared) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	if o.Status == billing.PaymentSucceeded {
		o.Amount = r.Amount
	}
	return o, err
}

// unknownTokenIsDecline treats a token that the payment system does not know as an expired
// card.
type unknownTokenIsDecline struct{ ports.Provider }

func (p unknownTokenIsDecline) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	if errors.Is(err, ports.ErrTokenUnknown) {
		return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.CardExpired}, nil
	}
	return o, err
}

// hardDeclineEnds treats an expired card as if the viewer's consent were gone.
type hardDeclineEnds struct{ ports.Provider }

func (p hardDeclineEnds) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	if o.DeclineCode == billing.CardExpired {
		o.Advice = billing.ConsentWithdrawn
	}
	return o, err
}
