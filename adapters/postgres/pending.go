package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
)

// Pending returns how many payments are pending, and when the oldest of them
// was made; the zero time when there are none.
func (s *Store) Pending(ctx context.Context) (n int, oldest time.Time, err error) {
	p, err := dbgen.New(s.pool).PaymentsPending(ctx)
	if err != nil {
		return 0, time.Time{}, translate(err)
	}
	return int(p.Pending), p.Oldest, nil
}
