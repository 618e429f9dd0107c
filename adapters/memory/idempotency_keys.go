package memory

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type userKey struct {
	user billing.UserID
	key  string
}

// keyRecord is a record with the time of its claim, on the wall clock.
type keyRecord struct {
	ports.KeyRecord
	claimedAt time.Time
}

type idempotencyKeys struct{ *tx }

func (r idempotencyKeys) Claim(_ context.Context, q ports.KeyedRequest, s billing.SubscriptionID) error {
	return r.claim(q, s)
}

func (t *tx) claim(q ports.KeyedRequest, s billing.SubscriptionID) error {
	key := userKey{q.User, q.Key}
	if _, taken := t.keys[key]; taken {
		return t.abort(billing.ErrRequestInProgress)
	}
	t.keys[key] = keyRecord{ports.KeyRecord{KeyedRequest: q, Subscription: s}, t.wall()}
	return nil
}

func (r idempotencyKeys) Find(_ context.Context, user billing.UserID, keys ...string) (ports.KeyRecord, error) {
	var first *keyRecord
	for _, key := range keys {
		if c, ok := r.keys[userKey{user, key}]; ok && (first == nil || c.claimedAt.Before(first.claimedAt)) {
			first = &c
		}
	}
	if first == nil {
		return ports.KeyRecord{}, billing.ErrNotFound
	}
	return copyRecord(first.KeyRecord), nil
}

func (r idempotencyKeys) Keep(_ context.Context, q ports.KeyedRequest, a ports.Response) (ports.KeyRecord, error) {
	key := userKey{q.User, q.Key}
	c, taken := r.keys[key]
	if !taken {
		c = keyRecord{ports.KeyRecord{KeyedRequest: q, Unclaimed: true}, r.wall()}
	}
	if c.Owner == q.Owner && c.Response == nil {
		c.Response = &a
		c.KeyRecord = copyRecord(c.KeyRecord)
	}
	r.keys[key] = c
	return copyRecord(c.KeyRecord), nil
}

func (r idempotencyKeys) Forget(_ context.Context, user billing.UserID, key, owner string) error {
	c, ok := r.keys[userKey{user, key}]
	if ok && c.Owner == owner && c.Response == nil {
		delete(r.keys, userKey{user, key})
	}
	return nil
}

func (r idempotencyKeys) Excess(_ context.Context, user billing.UserID, limit int, age time.Duration) (time.Duration, error) {
	var times []time.Time
	for key, c := range r.keys {
		if key.user == user {
			times = append(times, c.claimedAt)
		}
	}
	times = newest(times, r.wall().Add(-age), limit+1)
	if len(times) <= limit {
		return 0, nil
	}
	return times[limit].Add(age).Sub(r.wall()), nil
}

func (r idempotencyKeys) Prune(_ context.Context, age, unclaimed time.Duration, limit int) (int, error) {
	n := r.prune(unclaimed, limit, func(c keyRecord) bool { return c.Unclaimed })
	return n + r.prune(age, limit, func(keyRecord) bool { return true }), nil
}

func (r idempotencyKeys) prune(age time.Duration, limit int, match func(keyRecord) bool) (n int) {
	before := r.wall().Add(-age)
	for key, c := range r.keys {
		if n < limit && match(c) && !c.claimedAt.After(before) {
			delete(r.keys, key)
			n++
		}
	}
	return n
}

// copyRecord returns a deep copy, so that callers cannot change stored data.
func copyRecord(c ports.KeyRecord) ports.KeyRecord {
	if c.Response != nil {
		c.Response = &ports.Response{Status: c.Response.Status, Body: slices.Clone(c.Response.Body)}
	}
	return c
}
