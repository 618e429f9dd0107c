package postgres_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func registered(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM users").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// What waits to be sent is done in the end, and what is wrong with it undoes the
// transaction.
func TestStatementsThatWait(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	id := func() string { return uuid.Must(uuid.NewV7()).String() }
	nobodys := billing.Payment{ID: billing.PaymentID(id()), UserID: billing.UserID(id()), Status: billing.PaymentPending}
	for name, tt := range map[string]struct {
		then func(tx app.Repos) error
		kept int
	}{
		"nothing comes after":            {func(app.Repos) error { return nil }, 1},
		"a read comes after":             {func(tx app.Repos) error { _, err := tx.Payments.Underway(t.Context()); return err }, 1},
		"one misses its row, at the end": {func(tx app.Repos) error { return tx.Payments.Save(t.Context(), nobodys) }, 0},
		"one misses its row, before a read": {func(tx app.Repos) error {
			if err := tx.Payments.Save(t.Context(), nobodys); err != nil {
				return err
			}
			_, err := tx.Payments.Underway(t.Context())
			return err
		}, 0},
		"one misses its row, and that is overheard": {func(tx app.Repos) error {
			_ = tx.Payments.Save(t.Context(), nobodys)
			_, _ = tx.Payments.Underway(t.Context())
			return nil
		}, 0},
		"one breaks a rule": {func(tx app.Repos) error { return tx.Payments.Add(t.Context(), time.Hour, nobodys) }, 0},
		"one breaks a rule, and that is overheard": {func(tx app.Repos) error {
			_ = tx.Payments.Add(t.Context(), time.Hour, nobodys)
			_, _ = tx.Payments.Underway(t.Context())
			return nil
		}, 0},
		"the function fails": {func(app.Repos) error { return billing.ErrNotFound }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			err := postgres.NewStore(pool).InTx(t.Context(), func(tx app.Repos) error {
				if err := tx.Users.Seen(t.Context(), now, billing.UserID(id())); err != nil {
					return err
				}
				return tt.then(tx)
			})
			if got := registered(t, pool); got != tt.kept || (err == nil) != (tt.kept == 1) {
				t.Errorf("%d users are registered, want %d; %v", got, tt.kept, err)
			}
			if used := pool.Stat().AcquiredConns(); used != 0 {
				t.Errorf("%d connections are held", used)
			}
		})
	}
}

// roundTrip sends a value and reads it back as another type.
func roundTrip[In, Out any](t *testing.T, pool *pgxpool.Pool, sqlType string, in In, want Out) {
	t.Helper()
	var got Out
	if err := pool.QueryRow(t.Context(), "SELECT $1::"+sqlType, in).Scan(&got); err != nil {
		t.Errorf("%s %v: %v", sqlType, in, err)
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", sqlType, diff)
	}
}

func TestArraysKeepTheirElements(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	const id = "0199a0b0-c0d0-7abc-9def-0123456789ab"
	at := time.Date(1969, time.July, 20, 20, 17, 40, 123456000, time.UTC)
	roundTrip(t, pool, "uuid[]", []string{id, "ffffffff-ffff-ffff-ffff-ffffffffffff"}, []string{id, "ffffffff-ffff-ffff-ffff-ffffffffffff"})
	roundTrip(t, pool, "uuid[]", []string{"", id}, []*string{nil, new(id)})
	roundTrip(t, pool, "text[]", []string{"", "Ж\"{},\\", "NULL"}, []string{"", "Ж\"{},\\", "NULL"})
	roundTrip(t, pool, "timestamptz[]", []time.Time{at, {}, at.Local()}, []time.Time{at, {}, at})
	roundTrip(t, pool, "bigint[]", []int64{math.MinInt64, 0, math.MaxInt64}, []int64{math.MinInt64, 0, math.MaxInt64})
	roundTrip(t, pool, "int[]", []int32{math.MinInt32, 0, math.MaxInt32}, []int32{math.MinInt32, 0, math.MaxInt32})
	roundTrip(t, pool, "bool[]", []bool{true, false}, []bool{true, false})
	roundTrip(t, pool, "text[]", []string{}, []string{})
	roundTrip(t, pool, "text[]", []string(nil), []string(nil))
	roundTrip(t, pool, "uuid", id, id)
	roundTrip(t, pool, "timestamptz", at, at)
	roundTrip(t, pool, "timestamptz", time.Time{}, time.Time{})
	var text string
	if err := pool.QueryRow(t.Context(), "SELECT $1::uuid[]", []string{"no id"}).Scan(&text); err == nil {
		t.Error("what is no id passes for one")
	}
}
