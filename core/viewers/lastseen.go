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
	display billing.Secret
}

const (
	seenEvery    = time.Hour
	displayEvery = time.Minute // a display name that changed is stored this soon
	recentSize   = 100_000     // users remembered; about 20 MB
)

// Identify registers the user u of an access token, who has an id, a subject and perhaps
// a display name. It returns [ports.ErrOtherSubject] if the id belongs to another
// subject. Such a refusal is not remembered, so each one reads the database.
func (r *LastSeen) Identify(ctx context.Context, u billing.User) error {
	now := r.Clock.Now()
	if r.fresh(u, now) {
		return nil
	}
	err := r.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Users.Identify(ctx, now, u) })
	if err != nil {
		return fmt.Errorf("identify user %s: %w", u.ID, err)
	}
	r.remember(u.ID, sighting{now, u.Subject, u.Display})
	return nil
}

// fresh reports whether the user was stored with this subject within the last hour, and
// with this display name. Tokens with different names may alternate, so a change waits
// for displayEvery.
func (r *LastSeen) fresh(u billing.User, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.recent[u.ID]
	if !ok || s.subject != u.Subject {
		return false
	}
	every := seenEvery
	if !u.Display.IsZero() && !u.Display.Equal(s.display) {
		every = displayEvery
	}
	return now.Sub(s.at).Abs() < every
}

func (r *LastSeen) remember(id billing.UserID, s sighting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recent == nil || len(r.recent) >= recentSize {
		r.recent = make(map[billing.UserID]sighting)
	}
	r.recent[id] = s
}
