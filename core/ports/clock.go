package ports

import (
	"context"
	"time"
)

// Clock returns the billing time in UTC, truncated to the microseconds that the
// database stores. In development it can be set.
type Clock interface {
	Now() time.Time
}

// Wait waits on the wall clock for d. If ctx ends first, it returns the cause.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
