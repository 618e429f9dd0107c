// Package clocktest is a clock for tests, which moves only when they advance it.
package clocktest

import (
	"sync/atomic"
	"time"
)

// Clock implements [ports.Clock] in UTC. It is safe for concurrent use.
type Clock struct{ nanos atomic.Int64 }

// New returns a clock that stands at a time.
func New(at time.Time) *Clock {
	c := new(Clock)
	c.nanos.Store(at.UnixNano())
	return c
}

// Now returns the time of the clock.
func (c *Clock) Now() time.Time { return time.Unix(0, c.nanos.Load()).UTC() }

// Advance moves the clock by d, which may be negative.
func (c *Clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }
