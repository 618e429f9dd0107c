package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Paid implements [ports.PaymentReader], in the order of payment ids.
func (s *Store) Paid(ctx context.Context, system string, since time.Time, each func(billing.Payment) error) error {
	s.mustBeOutside("Paid")
	stored := s.committed.Load().payments
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		p := stored[id].Payment
		paid := p.Status == billing.PaymentSucceeded && !p.SettledAt.Before(since)
		if p.PaymentSystem != system || (p.Settled() && !paid) {
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
