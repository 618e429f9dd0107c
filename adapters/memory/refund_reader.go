package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Refunded implements [ports.RefundReader], in the order of refund ids.
func (s *Store) Refunded(_ context.Context, system string, from time.Time, each func(billing.Refund) error) error {
	s.mustBeOutside("Refunded")
	stored := s.committed.Load().refunds
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		r := stored[id].Refund
		if r.PaymentSystem != system || r.CreatedAt.Before(from) || !r.Reserves() {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// RefundsNamed implements [ports.RefundReader].
func (s *Store) RefundsNamed(_ context.Context, system string, entries ...ports.RefundEntry) ([]billing.Refund, error) {
	var list []billing.Refund
	for _, r := range s.committed.Load().refunds {
		named := func(e ports.RefundEntry) bool { return e.Key == r.ID || e.Ref != "" && e.Ref == r.ProviderRef }
		if r.PaymentSystem == system && slices.ContainsFunc(entries, named) {
			list = append(list, r.Refund)
		}
	}
	return list, nil
}

// PaymentsNamed implements [ports.RefundReader].
func (s *Store) PaymentsNamed(_ context.Context, system string, entries ...ports.RefundEntry) ([]billing.Payment, error) {
	var list []billing.Payment
	for _, p := range s.committed.Load().payments {
		named := func(e ports.RefundEntry) bool {
			return e.Payment == p.ID || e.PaymentRef != "" && e.PaymentRef == p.ProviderRef
		}
		if p.PaymentSystem == system && slices.ContainsFunc(entries, named) {
			list = append(list, p.Payment)
		}
	}
	return list, nil
}
