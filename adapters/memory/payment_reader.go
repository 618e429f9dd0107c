package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/online-cinema/billing/core/billing"
)

// Paid implements [ports.PaymentReader], in the order of payment ids.
func (s *Store) Paid(ctx context.Context, system string, first billing.PaymentID, each func(billing.Payment) error) error {
	s.mustBeOutside("Paid")
	stored := s.committed.Load().payments
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		p := stored[id].Payment
		if p.PaymentSystem != system || id < first || (p.Settled() && p.Status != billing.PaymentSucceeded) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

// PaymentsByID implements [ports.PaymentReader].
func (s *Store) PaymentsByID(ctx context.Context, system string, ids ...billing.PaymentID) ([]billing.Payment, error) {
	s.mustBeOutside("PaymentsByID")
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	stored := s.committed.Load().payments
	var list []billing.Payment
	for _, id := range ids {
		if p, ok := stored[id]; ok && p.PaymentSystem == system {
			list = append(list, p.Payment)
		}
	}
	return list, nil
}
