package clock_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

// owner returns a pool with the rights of the owner. The service's role cannot set the
// clock.
func owner(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.OpenRole(t.Context(), pgtest.URL(t), "none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestSet_RefusedForServiceRole(t *testing.T) {
	t.Parallel()
	c := clock.NewTest(pgtest.New(t))
	if err := c.Set(t.Context(), time.Now()); err == nil {
		t.Error("Set = nil, want an error")
	}
	if _, err := c.State(t.Context()); err != nil {
		t.Error(err)
	}
}

// near allows for a slow query.
const near = time.Minute

func TestTestClock_SharedByProcesses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool := owner(t)
	first, second := clock.NewTest(pool), clock.NewTest(pool) // of two processes
	expect := func(step string, want time.Time, frozen bool) {
		t.Helper()
		for _, c := range []*clock.Test{first, second} {
			s, err := c.State(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if off := s.Now.Sub(want).Abs(); s.Frozen != frozen || off > near || frozen && off > 0 {
				t.Errorf("%s: %v, frozen %t, want %v, %t", step, s.Now, s.Frozen, want, frozen)
			}
			if got := c.Now(); got.Sub(s.Now) < 0 || got.Location() != time.UTC || got.Nanosecond()%1000 != 0 {
				t.Errorf("%s: Now = %v after %v", step, got, s.Now)
			}
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	expect("untouched", time.Now(), false)
	do(first.Advance(ctx, 31*24*time.Hour))
	do(second.Advance(ctx, time.Hour))
	expect("advanced while ticking", time.Now().Add(31*24*time.Hour+time.Hour), false)

	at := time.Date(2028, time.February, 29, 23, 59, 59, 123456000, time.UTC)
	do(first.Set(ctx, at))
	expect("set", at, true)
	do(second.Advance(ctx, 24*time.Hour))
	expect("advanced while frozen", at.Add(24*time.Hour), true)
	if err := first.Advance(ctx, -time.Second); err == nil {
		t.Error("Advance by a negative duration = nil, want an error")
	}
	do(first.Release(ctx))
	expect("released", time.Now(), false)
	do(first.Advance(ctx, time.Hour))
	expect("advanced again", time.Now().Add(time.Hour), false)
}

func TestNow_DatabaseUnavailable(t *testing.T) {
	t.Parallel()
	pool := owner(t)
	c, fresh := clock.NewTest(pool), clock.NewTest(pool)
	at := time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)
	if err := c.Set(t.Context(), at); err != nil || !c.Now().Equal(at) {
		t.Fatalf("%v, %v", c.Now(), err)
	}
	pool.Close()
	if got := c.Now(); !got.Equal(at) {
		t.Errorf("Now = %v, want the last time, %v", got, at)
	}
	if got := fresh.Now(); time.Since(got).Abs() > near {
		t.Errorf("Now = %v, want the machine's time", got)
	}
}

// Now falls back only after five seconds, the time-out of a transaction. So a
// transaction never continues with the fallback.
func TestNow_FallsBackAfterTransactionTimeout(t *testing.T) {
	t.Parallel()
	pool := owner(t)
	for range pool.Config().MaxConns {
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
	begin := time.Now()
	clock.NewTest(pool).Now()
	if waited := time.Since(begin); waited <= 5*time.Second {
		t.Errorf("Now fell back after %v, want more than 5s", waited)
	}
}
