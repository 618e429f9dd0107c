package viewers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// LastSeen registers users when they are first seen and notes when they were
// last seen, to the hour: it remembers whom it wrote down recently, so that not
// every request writes.
type LastSeen struct {
	Store ports.Store
	Clock ports.Clock

	mu     sync.Mutex
	recent map[billing.UserID]time.Time
}

const (
	seenEvery  = time.Hour
	recentSize = 100_000 // users remembered; a few MB
)

// Seen notes that the user is here now.
func (r *LastSeen) Seen(ctx context.Context, id billing.UserID) error {
	now := r.Clock.Now()
	if r.fresh(id, now) {
		return nil
	}
	err := r.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Users.Seen(ctx, now, id) })
	if err != nil {
		return fmt.Errorf("register user %s: %w", id, err)
	}
	r.remember(id, now)
	return nil
}

func (r *LastSeen) fresh(id billing.UserID, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen, ok := r.recent[id]
	return ok && now.Sub(seen).Abs() < seenEvery
}

func (r *LastSeen) remember(id billing.UserID, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recent == nil || len(r.recent) >= recentSize {
		r.recent = make(map[billing.UserID]time.Time)
	}
	r.recent[id] = now
}
