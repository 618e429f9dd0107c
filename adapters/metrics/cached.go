package metrics

import (
	"context"
	"sync"
	"time"
)

// watchTimeout limits the query of the database, because a scrape must be fast.
const watchTimeout = 2 * time.Second

// cacheFor is the time for which a query result is reused by all scrapes.
const cacheFor = 5 * time.Second

// cached is the result of a query of the database, which runs at most once per cacheFor.
type cached[T any] struct {
	mu    sync.Mutex
	at    time.Time // of the last query
	value T
	err   error
}

// get returns the result of the last query, or runs the query if that result is too old.
// Concurrent scrapes wait for the same query.
func (c *cached[T]) get(query func(context.Context) (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) >= cacheFor {
		ctx, cancel := context.WithTimeout(context.Background(), watchTimeout)
		defer cancel()
		c.value, c.err = query(ctx)
		c.at = time.Now()
	}
	return c.value, c.err
}
