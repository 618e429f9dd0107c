package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Paid implements [ports.PaymentReader], in the order of payment ids.
func (s *Store) Paid(ctx context.Context, system string, first billing.PaymentID, each func(ports.PaidPayment) error) error {
	s.mustBeOutside("Paid")
	committed := s.committed.Load()
	stored := committed.payments
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		p := stored[id].Payment
		if p.PaymentSystem != system || id < first || (p.Settled() && p.Status != billing.PaymentSucceeded) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := each(committed.paid(p)); err != nil {
			return err
		}
	}
	return nil
}

// PaymentsByID implements [ports.PaymentReader].
func (s *Store) PaymentsByID(ctx context.Context, system string, ids ...billing.PaymentID) ([]ports.PaidPayment, error) {
	s.mustBeOutside("PaymentsByID")
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	committed := s.committed.Load()
	var list []ports.PaidPayment
	for _, id := range ids {
		if p, ok := committed.payments[id]; ok && p.PaymentSystem == system {
			list = append(list, committed.paid(p.Payment))
		}
	}
	return list, nil
}

func (s *state) paid(p billing.Payment) ports.PaidPayment {
	return ports.PaidPayment{Payment: p, Agreed: s.subscriptions[p.SubscriptionID].Terms()}
}
