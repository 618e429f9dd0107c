//go:build crash

package boot

import (
	"os"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// withSkew returns a clock that differs from c by the duration in
// BILLING_CLOCK_SKEW, like the clock of a badly synchronised machine.
func withSkew(c ports.Clock) ports.Clock {
	by, err := time.ParseDuration(os.Getenv("BILLING_CLOCK_SKEW"))
	if err != nil {
		return c
	}
	return skewedClock{c, by}
}

type skewedClock struct {
	ports.Clock
	by time.Duration
}

func (c skewedClock) Now() time.Time { return c.Clock.Now().Add(c.by) }
