package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/core/billing"
)

// PaymentsByRef returns the ids of the payments that have this reference at a payment
// system, at most limit of them.
func (s *Store) PaymentsByRef(ctx context.Context, ref string, limit int) ([]billing.PaymentID, error) {
	rows, _ := s.pool.Query(ctx, "SELECT id::text FROM payments WHERE provider_ref = $1 AND provider_ref <> '' ORDER BY id LIMIT $2", ref, limit)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[billing.PaymentID])
	return ids, translate(err)
}
