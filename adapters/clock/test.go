package clock

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/core/ports"
)

// Test is the clock in the database, which all processes share and which can be
// set: for development and tests. Untouched, it ticks with the database server's
// wall clock.
type Test struct {
	pool *pgxpool.Pool
	last atomic.Pointer[time.Time]
}

var _ ports.Clock = (*Test)(nil)

// NewTest returns the clock in the database of pool. The pool should be the
// clock's own: time is asked for in the middle of transactions, which hold
// connections of theirs.
func NewTest(pool *pgxpool.Pool) *Test { return &Test{pool: pool} }

// patience is how long the clock waits for the database: longer than a
// transaction may take, so that one in whose midst the time is not to be had
// fails, and is not done at another time.
const patience = 6 * time.Second

// Now returns the time as it is set. While the database is out of reach it
// returns what it returned last, or the machine's time: whoever asks needs the
// database next, and fails there.
func (c *Test) Now() time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := c.State(ctx)
	if err != nil {
		if last := c.last.Load(); last != nil {
			return *last
		}
		return System{}.Now()
	}
	c.last.Store(&s.Now)
	return s.Now
}

// State is how the clock is set.
type State struct {
	Now    time.Time
	Stands bool          // it does not tick
	Ahead  time.Duration // of the wall clock
}

const now = `coalesce(c.stands_at, clock_timestamp() + coalesce(c.ahead, '0'))`

const selectState = `
	SELECT ` + now + `, c.stands_at IS NOT NULL, extract(epoch FROM ` + now + ` - clock_timestamp())::float8
	FROM (SELECT) AS always LEFT JOIN test_clock c ON true`

// State returns how the clock is set.
func (c *Test) State(ctx context.Context) (s State, err error) {
	var ahead float64
	if err := c.pool.QueryRow(ctx, selectState).Scan(&s.Now, &s.Stands, &ahead); err != nil {
		return State{}, fmt.Errorf("read the test clock: %w", err)
	}
	s.Now = s.Now.UTC().Truncate(time.Microsecond)
	s.Ahead = time.Duration(ahead * float64(time.Second)).Round(time.Millisecond)
	return s, nil
}

// Set makes the clock stand still at t.
func (c *Test) Set(ctx context.Context, t time.Time) error {
	return c.change(ctx, `
		INSERT INTO test_clock (stands_at) VALUES (@at)
		ON CONFLICT (one) DO UPDATE SET stands_at = excluded.stands_at, ahead = '0'`,
		pgx.NamedArgs{"at": t})
}

// Advance moves the clock on by d, and leaves it ticking or standing.
func (c *Test) Advance(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return errors.New("the clock can be advanced by more than zero only; set it to go back")
	}
	return c.change(ctx, `
		INSERT INTO test_clock AS c (ahead) VALUES (make_interval(secs => @seconds))
		ON CONFLICT (one) DO UPDATE
		SET stands_at = c.stands_at + excluded.ahead,
		    ahead = CASE WHEN c.stands_at IS NULL THEN c.ahead + excluded.ahead ELSE c.ahead END`,
		pgx.NamedArgs{"seconds": d.Seconds()})
}

// Release lets the clock go with the wall clock again.
func (c *Test) Release(ctx context.Context) error {
	return c.change(ctx, `DELETE FROM test_clock`, pgx.NamedArgs{})
}

func (c *Test) change(ctx context.Context, sql string, args pgx.NamedArgs) error {
	if _, err := c.pool.Exec(ctx, sql, args); err != nil {
		return fmt.Errorf("set the test clock: %w", err)
	}
	return nil
}
