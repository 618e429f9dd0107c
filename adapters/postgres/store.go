package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
)

// Store is an [app.Store] and [app.Books] on a pool that [OpenRole] made.
//
// Nothing waits for the database longer than five seconds, a free connection
// and the commit included: statement_timeout would not end a wait for a standby.
type Store struct {
	pool  *pgxpool.Pool
	vault app.Vault // nil for a store without one
}

// Option changes how a store works.
type Option func(*Store)

// WithVault has payment tokens sealed and opened. A store without a vault keeps
// them in the clear, which is for trying things out, and cannot read those that
// are sealed: methods that have them come without a token.
func WithVault(v app.Vault) Option { return func(s *Store) { s.vault = v } }

const (
	timeout         = 5 * time.Second
	rollbackTimeout = 2 * time.Second
	maxAttempts     = 5
)

// NewStore returns a store on pool, which stays the caller's to close.
func NewStore(pool *pgxpool.Pool, options ...Option) *Store {
	s := &Store{pool: pool}
	for _, option := range options {
		option(s)
	}
	return s
}

// InTx runs f in a READ COMMITTED transaction, again if the database gave it up
// for the sake of another one.
func (s *Store) InTx(ctx context.Context, f func(app.Repos) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, func(t *tx) error { return f(s.repos(t)) })
		if err == nil || attempt == maxAttempts || !isConflict(err) {
			return translate(err)
		}
	}
}

// once runs f in a transaction, once.
func (s *Store) once(ctx context.Context, f func(*tx) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return unavailable(err)
	}
	t := begin(conn)
	defer t.rollback(ctx)
	if err = f(t); err == nil {
		err = t.check(ctx)
	}
	if err != nil {
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

func (s *Store) repos(t *tx) app.Repos {
	q := dbgen.New(t)
	m := methods{q, t, tokens{s.vault}}
	return app.Repos{
		Orders:         orders{t, m},
		Users:          users{q, t},
		Plans:          plans{q},
		PaymentSystems: paymentSystems{q},
		Methods:        m,
		Cards:          cards{q},
		Subscriptions:  subscriptions{q, t, tokens{s.vault}},
		Payments:       payments{q, t},
		Events:         events{q, t},
		Answers:        answers{q, t},
		Runs:           runs{q},
		Audit:          audit{q},
		Staff:          staff{q},
		Sessions:       sessions{q},
	}
}

// Views reads outside of transactions.
func (s *Store) Views() app.Views { return views{dbgen.New(s.pool), tokens{s.vault}} }

// column makes one array of a batch.
func column[T, C any](rows []T, f func(T) C) []C {
	values := make([]C, len(rows))
	for i, row := range rows {
		values[i] = f(row)
	}
	return values
}

// mustTouch turns a write that missed rows into an error: they were there, so
// they were changed unless they were locked.
func mustTouch(want int, got int64, err error) error {
	if err == nil && got != int64(want) {
		return fmt.Errorf("%d of %d rows were written: %w", got, want, app.ErrChanged)
	}
	return err
}
