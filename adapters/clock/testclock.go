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

// Test is a clock in the database for development and tests. All processes share it,
// and it can be set. Until then it follows the database server's wall clock.
type Test struct {
	pool *pgxpool.Pool
	last atomic.Pointer[time.Time]
}

var _ ports.Clock = (*Test)(nil)

// NewTest returns the clock in the database of pool. Use a separate pool for the
// clock: Now is called inside transactions, which hold a connection already.
func NewTest(pool *pgxpool.Pool) *Test { return &Test{pool: pool} }

// readTimeout is longer than the time-out of a transaction. So a transaction that
// cannot read the clock fails, instead of using the fallback of Now.
const readTimeout = 6 * time.Second

// Now returns the clock's time. While the database is unavailable it returns the last
// time that it returned, or the machine's time. The caller fails anyway, because it
// needs the database next.
func (c *Test) Now() time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
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

// State is the setting of the clock.
type State struct {
	Now    time.Time
	Frozen bool          // it does not tick
	Ahead  time.Duration // of the wall clock
}

const now = `coalesce(c.stands_at, clock_timestamp() + coalesce(c.ahead, '0'))`

const selectState = `
	SELECT ` + now + `, c.stands_at IS NOT NULL, extract(epoch FROM ` + now + ` - clock_timestamp())::float8
	FROM (SELECT) AS always LEFT JOIN test_clock c ON true`

// State returns the setting of the clock.
func (c *Test) State(ctx context.Context) (s State, err error) {
	var ahead float64
	if err := c.pool.QueryRow(ctx, selectState).Scan(&s.Now, &s.Frozen, &ahead); err != nil {
		return State{}, fmt.Errorf("read the test clock: %w", err)
	}
	s.Now = s.Now.UTC().Truncate(time.Microsecond)
	s.Ahead = time.Duration(ahead * float64(time.Second)).Round(time.Millisecond)
	return s, nil
}

// Set freezes the clock at t.
func (c *Test) Set(ctx context.Context, t time.Time) error {
	return c.change(ctx, `
		INSERT INTO test_clock (stands_at) VALUES (@at)
		ON CONFLICT (one) DO UPDATE SET stands_at = excluded.stands_at, ahead = '0'`,
		pgx.NamedArgs{"at": t})
}

// Advance moves the clock forward by d. A frozen clock stays frozen.
func (c *Test) Advance(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return errors.New("the clock can only be advanced by more than zero; to go back, set it")
	}
	return c.change(ctx, `
		INSERT INTO test_clock AS c (ahead) VALUES (make_interval(secs => @seconds))
		ON CONFLICT (one) DO UPDATE
		SET stands_at = c.stands_at + excluded.ahead,
		    ahead = CASE WHEN c.stands_at IS NULL THEN c.ahead + excluded.ahead ELSE c.ahead END`,
		pgx.NamedArgs{"seconds": d.Seconds()})
}

// Release makes the clock follow the wall clock again.
func (c *Test) Release(ctx context.Context) error {
	return c.change(ctx, `DELETE FROM test_clock`, pgx.NamedArgs{})
}

func (c *Test) change(ctx context.Context, sql string, args pgx.NamedArgs) error {
	if _, err := c.pool.Exec(ctx, sql, args); err != nil {
		return fmt.Errorf("set the test clock: %w", err)
	}
	return nil
}
