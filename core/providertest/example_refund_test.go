package providertest_test

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type refund struct {
	request ports.RefundRequest
	outcome billing.RefundOutcome
	at      time.Time
}

// Refund implements [ports.Refunder].
func (s *sandbox) Refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	if ctx.Err() != nil {
		return billing.RefundOutcome{}, ports.ErrNotSent
	}
	o, lost, err := s.refund(r)
	if lost {
		<-ctx.Done()
		return billing.RefundOutcome{}, ctx.Err()
	}
	return o, err
}

// refund refunds once per key.
func (s *sandbox) refund(r ports.RefundRequest) (_ billing.RefundOutcome, lost bool, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, repeated := s.refunds[r.Key]; repeated {
		if first.request != r {
			return billing.RefundOutcome{}, false, ports.ErrKeyConflict
		}
		return first.outcome, false, nil
	}
	paid := s.charges[r.Payment]
	rest := paid.outcome.Amount.Amount
	for _, other := range s.refunds {
		if other.request.Payment == r.Payment {
			rest -= other.request.Amount.Amount
		}
	}
	if r.Key == "" || r.Amount.Amount <= 0 || r.Amount.Amount > rest || r.Amount.Currency != paid.outcome.Amount.Currency {
		return billing.RefundOutcome{}, false, ports.ErrRefused
	}
	o := billing.RefundOutcome{Status: billing.PaymentSucceeded, ProviderRef: "refund-" + string(r.Key)}
	s.refunds[r.Key] = refund{r, o, time.Now().UTC().Truncate(time.Microsecond)}
	return o, paid.request.Token.Reveal() == "refund lost", nil
}

// FindRefund implements [ports.Refunder].
func (s *sandbox) FindRefund(_ context.Context, q ports.RefundQuery) (billing.RefundOutcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, found := s.refunds[q.Key]
	if !found {
		return billing.RefundOutcome{}, ports.ErrRefundNotFound
	}
	return r.outcome, nil
}

// Refunds implements [ports.Refunder].
func (s *sandbox) Refunds(_ context.Context, from time.Time, each func(ports.RefundEntry) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, r := range s.refunds {
		if r.at.Before(from) {
			continue
		}
		if err := each(ports.RefundEntry{
			Key: key, Ref: r.outcome.ProviderRef, Payment: r.request.Payment, PaymentRef: r.request.PaymentRef,
			Amount: r.request.Amount, Status: r.outcome.Status, At: r.at,
		}); err != nil {
			return err
		}
	}
	return nil
}
