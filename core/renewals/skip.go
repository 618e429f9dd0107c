package renewals

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// errOdd means that the search for due subscriptions and the rules disagree.
var errOdd = errors.New("it is due, but can be neither charged nor ended")

// skipped are the subscriptions that a run could not claim. They stay due, so each
// search finds them again.
type skipped struct {
	mu  sync.Mutex
	ids map[billing.SubscriptionID]bool
}

// add reports whether the subscription is new.
func (s *skipped) add(id billing.SubscriptionID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.ids = make(map[billing.SubscriptionID]bool)
	}
	known := s.ids[id]
	s.ids[id] = true
	return !known
}

func (s *skipped) has(id billing.SubscriptionID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids[id]
}

func (s *skipped) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ids)
}

// lockDue locks the due subscriptions of q that are not skipped.
func (s *skipped) lockDue(ctx context.Context, tx ports.Repos, q ports.DueQuery) ([]ports.Due, error) {
	limit := q.Limit
	q.Limit += s.len()
	due, err := tx.Due.LockDue(ctx, q)
	due = slices.DeleteFunc(due, func(d ports.Due) bool { return s.has(d.ID) })
	return due[:min(limit, len(due))], err
}

// skip counts a subscription as failed that cannot be claimed. The run goes on without
// it.
func (p *pipeline) skip(s billing.Subscription, err error) {
	if !p.skipped.add(s.ID) {
		return // the other claimer found it at the same time
	}
	p.Log.Error("a due subscription cannot be claimed; it stays due", "subscription_id", s.ID, "user_id", s.UserID, "error", err)
	p.stats.add(ports.Summary{Due: 1, Failed: 1})
}
