// Package clock tells the time that billing goes by.
//
// Not here: the wall clock that tokens are judged by and leases are measured
// on. Those are not billing's to move.
package clock

import (
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// System is the machine's clock.
type System struct{}

var _ ports.Clock = System{}

// Now returns the time in UTC, cut to the microsecond that the database keeps,
// so that what was written and what is read back are the same.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
