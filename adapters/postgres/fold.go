package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
)

// foldBatch is the number of rows that one transaction folds.
const foldBatch = 20_000

// Fold adds the counts of new events to the sums from which figures are read, so
// that reading stays fast. Concurrent calls are safe: one works, the others return.
func (s *Store) Fold(ctx context.Context) error {
	for {
		n, err := s.foldOnce(ctx)
		if err != nil || n == 0 {
			return translate(err)
		}
	}
}

func (s *Store) foldOnce(ctx context.Context) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		q := dbgen.New(tx)
		locked, err := q.FoldLock(ctx)
		if err != nil || !locked {
			return err
		}
		n, err = q.FoldFigures(ctx, foldBatch)
		return err
	})
	return n, err
}
