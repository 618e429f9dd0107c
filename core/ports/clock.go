package ports

import (
	"time"
)

// Clock returns the billing time in UTC, truncated to the microseconds that the
// database stores. In development it can be set.
type Clock interface {
	Now() time.Time
}
