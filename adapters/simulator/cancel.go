package simulator

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Cancel ends the wait for the viewer's reply, as if its time were over. It has the faults of
// a charge. See [ports.Canceller]. Errors:
//
//	ErrRefused         the charge was paid, or it does not wait for its viewer
//	ErrChargeNotFound  there is no such charge
func (s *Simulator) Cancel(ctx context.Context, charge ports.ChargeQuery) error {
	if err := s.cancel(ctx, charge.Key); err != nil {
		return fmt.Errorf("simulator: cancel %q: %w", charge.Key, err)
	}
	return nil
}

func (s *Simulator) cancel(ctx context.Context, key billing.PaymentID) error {
	fault := s.randomFault()
	if err := s.before(ctx, fault); err != nil {
		return err
	}
	if !validKey(key) {
		return ports.ErrChargeNotFound
	}
	var q request
	err := s.inEffect(ctx, func(tx pgx.Tx) (err error) {
		q, err = s.settle(ctx, tx, byKey, string(key), reply{choice: cancelled})
		return err
	})
	if err != nil {
		return err
	}
	if err := s.after(ctx, fault); err != nil {
		return err
	}
	if err := s.awaitResponse(ctx, s.cfg.Latency()); err != nil {
		return err
	}
	if q.status != billing.PaymentDeclined {
		return ports.ErrRefused
	}
	return nil
}
