// Package clock implements the billing clock: the machine's clock, and a clock in
// the database that tests can set.
//
// Not here: the expiry of access tokens and the leases of payments. They follow the
// wall clock, also while the billing clock is set.
package clock

import (
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// System is the clock of the machine.
type System struct{}

var _ ports.Clock = System{}

// Now returns the time in UTC, truncated to the microsecond. The database keeps no
// more digits, so a time that is stored and read back is unchanged.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
