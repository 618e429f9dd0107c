package clock_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

// owner is a pool of somebody who may set the clock, which the service may not.
func owner(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.OpenRole(t.Context(), pgtest.URL(t), "none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestTheServiceMayNotSetTheClock(t *testing.T) {
	t.Parallel()
	c := clock.NewTest(pgtest.New(t))
	if err := c.Set(t.Context(), time.Now()); err == nil {
		t.Error("it was set")
	}
	if _, err := c.State(t.Context()); err != nil {
		t.Error(err)
	}
}

// near is more than two clocks of one machine and a slow query differ by.
const near = time.Minute

func TestTheClockInTheDatabase(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool := owner(t)
	// Two processes share it.
	mine, theirs := clock.NewTest(pool), clock.NewTest(pool)
	expect := func(what string, want time.Time, stands bool) {
		t.Helper()
		for _, c := range []*clock.Test{mine, theirs} {
			s, err := c.State(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if off := s.Now.Sub(want).Abs(); s.Stands != stands || off > near || stands && off > 0 {
				t.Errorf("%s: %v, stands %t, want %v, %t", what, s.Now, s.Stands, want, stands)
			}
			if got := c.Now(); got.Sub(s.Now) < 0 || got.Location() != time.UTC || got.Nanosecond()%1000 != 0 {
				t.Errorf("%s: now is %v after %v", what, got, s.Now)
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
	do(mine.Advance(ctx, 31*24*time.Hour))
	do(theirs.Advance(ctx, time.Hour))
	expect("advanced while it ticks", time.Now().Add(31*24*time.Hour+time.Hour), false)

	at := time.Date(2028, time.February, 29, 23, 59, 59, 123456000, time.UTC)
	do(mine.Set(ctx, at))
	expect("set", at, true)
	do(theirs.Advance(ctx, 24*time.Hour))
	expect("advanced while it stands", at.Add(24*time.Hour), true)
	if err := mine.Advance(ctx, -time.Second); err == nil {
		t.Error("it was turned back by advancing it")
	}
	do(mine.Release(ctx))
	expect("released", time.Now(), false)
	do(mine.Advance(ctx, time.Hour))
	expect("advanced again", time.Now().Add(time.Hour), false)
}

func TestTheClockWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	pool := owner(t)
	c, fresh := clock.NewTest(pool), clock.NewTest(pool)
	at := time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)
	if err := c.Set(t.Context(), at); err != nil || !c.Now().Equal(at) {
		t.Fatalf("%v, %v", c.Now(), err)
	}
	pool.Close()
	if got := c.Now(); !got.Equal(at) {
		t.Errorf("now is %v, want what it was last, %v", got, at)
	}
	if got := fresh.Now(); time.Since(got).Abs() > near {
		t.Errorf("now is %v, want the machine's time", got)
	}
}

// A transaction in whose midst the time is not to be had must fail of its own
// time-out, five seconds, before the clock gives up and guesses.
func TestTheClockDoesNotGuessWithinATransaction(t *testing.T) {
	t.Parallel()
	pool := owner(t)
	for range pool.Config().MaxConns {
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
	asked := time.Now()
	clock.NewTest(pool).Now()
	if waited := time.Since(asked); waited <= 5*time.Second {
		t.Errorf("the clock guessed after %v", waited)
	}
}
