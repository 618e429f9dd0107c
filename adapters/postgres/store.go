package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
)

// Store is an [app.Store] and [app.Books] on a pool that [Open] made.
//
// Nothing waits for the database longer than five seconds, a free connection
// and the commit included: statement_timeout would not end a wait for a standby.
type Store struct{ pool *pgxpool.Pool }

const (
	timeout         = 5 * time.Second
	rollbackTimeout = 2 * time.Second
	maxAttempts     = 5
)

// NewStore returns a store on pool, which stays the caller's to close.
func NewStore(pool *pgxpool.Pool) *Store { return &Store{pool} }

// InTx runs f in a READ COMMITTED transaction, again if the database gave it up
// for the sake of another one.
func (s *Store) InTx(ctx context.Context, f func(app.Repos) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, f)
		if err == nil || attempt == maxAttempts || !isConflict(err) {
			return translate(err)
		}
	}
}

func (s *Store) once(ctx context.Context, f func(app.Repos) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return unavailable(err)
	}
	t := begin(conn)
	defer t.rollback(ctx)
	if err := f(repos(t)); err != nil {
		if conn.Conn().IsClosed() {
			return unavailable(err)
		}
		return err
	}
	if err := t.commit(ctx); err != nil {
		return commitError(err)
	}
	return nil
}

func repos(t *tx) app.Repos {
	q := dbgen.New(t)
	return app.Repos{
		Users:          users{t},
		Plans:          plans{q},
		PaymentSystems: paymentSystems{q},
		Methods:        methods{q, t},
		Subscriptions:  subscriptions{q, t},
		Payments:       payments{q, t},
		Events:         events{t},
		Answers:        answers{q, t},
		Runs:           runs{q},
	}
}

// Views reads outside of transactions.
func (s *Store) Views() app.Views { return views{dbgen.New(s.pool)} }

// column makes one array of a batch.
func column[T, C any](rows []T, f func(T) C) []C {
	values := make([]C, len(rows))
	for i, row := range rows {
		values[i] = f(row)
	}
	return values
}

// mustTouch turns a write that missed rows into an error: they were locked, so
// they were there.
func mustTouch(want int, got int64, err error) error {
	if err == nil && got != int64(want) {
		return fmt.Errorf("%d of %d rows were written", got, want)
	}
	return err
}
