package viewers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// LastSeen registers users when they are first seen, and updates the time when they
// were last seen at most once an hour. It remembers the users that it stored within
// the last hour, so that most requests need no database.
type LastSeen struct {
	Store ports.Store
	Clock ports.Clock

	mu     sync.Mutex
	recent map[billing.UserID]sighting
}

// sighting is a user that was stored.
type sighting struct {
	at      time.Time
	subject string
}

const (
	seenEvery  = time.Hour
	recentSize = 100_000 // users remembered; about 20 MB
)

// Identify registers the user of an access token. It returns [ports.ErrOtherSubject]
// if the id belongs to another subject. Such a refusal is not remembered, so each
// one reads the database.
func (r *LastSeen) Identify(ctx context.Context, id billing.UserID, subject string) error {
	now := r.Clock.Now()
	if r.fresh(id, subject, now) {
		return nil
	}
	err := r.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Users.Identify(ctx, now, id, subject) })
	if err != nil {
		return fmt.Errorf("identify user %s: %w", id, err)
	}
	r.remember(id, sighting{now, subject})
	return nil
}

// fresh reports whether the user was stored with this subject within the last hour.
func (r *LastSeen) fresh(id billing.UserID, subject string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.recent[id]
	return ok && s.subject == subject && now.Sub(s.at).Abs() < seenEvery
}

func (r *LastSeen) remember(id billing.UserID, s sighting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recent == nil || len(r.recent) >= recentSize {
		r.recent = make(map[billing.UserID]sighting)
	}
	r.recent[id] = s
}
