package boot

import (
	"context"
	"fmt"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/ports"
)

// OpenClock returns the billing clock and a function that closes it. The test
// clock is stored in the database and has its own pool, which works as role.
func (t Time) OpenClock(ctx context.Context, url DatabaseURL, role string) (ports.Clock, func(), error) {
	if t.Clock != TestClock {
		return withSkew(clock.System{}), func() {}, nil
	}
	pool, err := postgres.OpenRole(ctx, url.Reveal(), role)
	if err != nil {
		return nil, nil, fmt.Errorf("test clock: %w", err)
	}
	return withSkew(clock.NewTest(pool)), pool.Close, nil
}
