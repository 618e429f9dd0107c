package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// Story returns what the books say of a payment. [billing.ErrNotFound] when there
// is none.
func (s *Store) Story(ctx context.Context, id billing.PaymentID) (app.Story, error) {
	q := dbgen.New(s.pool)
	p, err := q.PaymentFind(ctx, string(id))
	if err != nil {
		return app.Story{}, translate(orNotFound(err, billing.ErrNotFound.WithMessage("there is no payment %s", id)))
	}
	events, err := q.EventsOfPayment(ctx, p.UserID, &p.ID)
	return app.Story{
		Payment: paymentOf(p), SendUntil: p.SendUntil, LookAt: p.SweepAt, Events: column(events, eventOf),
	}, translate(err)
}
