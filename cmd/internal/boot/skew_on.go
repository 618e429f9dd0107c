//go:build crash

package boot

import (
	"os"
	"time"

	"github.com/online-cinema/billing/core/app"
)

// skewed puts a clock off by what BILLING_CLOCK_SKEW says, as a machine's clock
// may be.
func skewed(c app.Clock) app.Clock {
	by, err := time.ParseDuration(os.Getenv("BILLING_CLOCK_SKEW"))
	if err != nil {
		return c
	}
	return offClock{c, by}
}

type offClock struct {
	app.Clock
	by time.Duration
}

func (c offClock) Now() time.Time { return c.Clock.Now().Add(c.by) }
