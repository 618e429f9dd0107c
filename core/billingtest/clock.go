package billingtest

import (
	"sync/atomic"
	"time"
)

// Clock is a billing clock that moves only by Advance.
type Clock struct{ micros atomic.Int64 }

func newClock() *Clock {
	c := new(Clock)
	c.micros.Store(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

// Now implements [ports.Clock].
func (c *Clock) Now() time.Time { return time.UnixMicro(c.micros.Load()).UTC() }

// Advance moves the clock by d, which may be negative.
func (c *Clock) Advance(d time.Duration) { c.micros.Add(d.Microseconds()) }
