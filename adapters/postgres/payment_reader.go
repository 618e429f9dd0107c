package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Story returns a payment with its leases and events. It returns
// [billing.ErrNotFound] if the payment does not exist.
func (s *Store) Story(ctx context.Context, id billing.PaymentID) (ports.PaymentDetails, error) {
	q := dbgen.New(s.pool)
	p, err := q.PaymentByID(ctx, string(id))
	if err != nil {
		return ports.PaymentDetails{}, translate(orNotFound(err, billing.ErrNotFound.WithMessage("there is no payment %s", id)))
	}
	events, err := q.EventsOfPayment(ctx, p.UserID, &p.ID)
	return ports.PaymentDetails{
		Payment: paymentOf(p), SendUntil: p.SendUntil, LookAt: p.SweepAt, Events: mapSlice(events, eventOf),
	}, translate(err)
}

// Paid implements [ports.PaymentReader]. It reads pages of 1,000 payments, so that memory and
// the age of a snapshot stay bounded.
func (s *Store) Paid(ctx context.Context, system string, since time.Time, each func(billing.Payment) error) error {
	q := dbgen.New(s.pool)
	after := dbgen.PaymentsOfSystemParams{PaymentSystem: system, Since: orEpoch(since), AfterUser: minID, AfterID: minID}
	for {
		rows, err := q.PaymentsOfSystem(ctx, after)
		if err != nil {
			return translate(err)
		}
		for _, row := range rows {
			if err := each(paymentOf(row)); err != nil {
				return err
			}
		}
		if len(rows) == 0 {
			return nil
		}
		last := rows[len(rows)-1]
		after.AfterUser, after.AfterID = last.UserID, last.ID
	}
}
