package ports

import (
	"time"
)

// Clock tells the time that billing goes by: UTC, cut to the microsecond that
// the database keeps. In development it can be set.
type Clock interface {
	Now() time.Time
}
