package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func countUsers(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM users").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Queued statements run before the commit, and their failure rolls the transaction
// back.
func TestInTx_QueuedStatements(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	id := func() string { return uuid.Must(uuid.NewV7()).String() }
	missing := billing.Payment{ID: billing.PaymentID(id()), UserID: billing.UserID(id()), Status: billing.PaymentPending}
	for name, tt := range map[string]struct {
		then  func(tx ports.Repos) error
		users int
	}{
		"nothing follows":              {func(ports.Repos) error { return nil }, 1},
		"a read follows":               {func(tx ports.Repos) error { _, err := tx.Leases.MaxSendRemaining(t.Context()); return err }, 1},
		"a row is missing, at the end": {func(tx ports.Repos) error { return tx.Payments.Save(t.Context(), missing) }, 0},
		"a row is missing, before a read": {func(tx ports.Repos) error {
			if err := tx.Payments.Save(t.Context(), missing); err != nil {
				return err
			}
			_, err := tx.Leases.MaxSendRemaining(t.Context())
			return err
		}, 0},
		"a row is missing, error ignored": {func(tx ports.Repos) error {
			_ = tx.Payments.Save(t.Context(), missing)
			_, _ = tx.Leases.MaxSendRemaining(t.Context())
			return nil
		}, 0},
		"a constraint is violated": {func(tx ports.Repos) error { return tx.Payments.Add(t.Context(), time.Hour, missing) }, 0},
		"a constraint is violated, error ignored": {func(tx ports.Repos) error {
			_ = tx.Payments.Add(t.Context(), time.Hour, missing)
			_, _ = tx.Leases.MaxSendRemaining(t.Context())
			return nil
		}, 0},
		"the function fails": {func(ports.Repos) error { return billing.ErrNotFound }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			err := postgres.NewStore(pool).InTx(t.Context(), func(tx ports.Repos) error {
				if err := tx.Users.Seen(t.Context(), now, billing.UserID(id())); err != nil {
					return err
				}
				return tt.then(tx)
			})
			if got := countUsers(t, pool); got != tt.users || (err == nil) != (tt.users == 1) {
				t.Errorf("%d users, want %d; InTx returned %v", got, tt.users, err)
			}
			if used := pool.Stat().AcquiredConns(); used != 0 {
				t.Errorf("%d connections were not released", used)
			}
		})
	}
}
