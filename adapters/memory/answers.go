package memory

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type claimKey struct {
	user billing.UserID
	key  string
}

// claim is a claim with the time on the wall clock when it was made.
type claim struct {
	ports.KeyRecord
	at time.Time
}

type answers struct{ *tx }

func (r answers) Claim(_ context.Context, q ports.KeyedRequest, s billing.SubscriptionID) error {
	return r.claim(q, s)
}

func (t *tx) claim(q ports.KeyedRequest, s billing.SubscriptionID) error {
	key := claimKey{q.User, q.Key}
	if _, taken := t.claims[key]; taken {
		return t.refuse(billing.ErrRequestInProgress)
	}
	t.claims[key] = claim{ports.KeyRecord{KeyedRequest: q, Subscription: s}, t.wall()}
	return nil
}

func (r answers) Find(_ context.Context, user billing.UserID, key string) (ports.KeyRecord, error) {
	c, ok := r.claims[claimKey{user, key}]
	if !ok {
		return ports.KeyRecord{}, billing.ErrNotFound
	}
	return copyClaim(c.KeyRecord), nil
}

func (r answers) Keep(_ context.Context, q ports.KeyedRequest, a ports.Response) (ports.KeyRecord, error) {
	key := claimKey{q.User, q.Key}
	c, taken := r.claims[key]
	if !taken {
		c = claim{ports.KeyRecord{KeyedRequest: q}, r.wall()}
	}
	if c.Owner == q.Owner && c.Response == nil {
		c.Response = &a
		c.KeyRecord = copyClaim(c.KeyRecord)
	}
	r.claims[key] = c
	return copyClaim(c.KeyRecord), nil
}

func (r answers) Forget(_ context.Context, user billing.UserID, key, owner string) error {
	c, ok := r.claims[claimKey{user, key}]
	if ok && c.Owner == owner && c.Response == nil {
		delete(r.claims, claimKey{user, key})
	}
	return nil
}

func (r answers) Prune(_ context.Context, age time.Duration, limit int) (int, error) {
	before, n := r.wall().Add(-age), 0
	for key, c := range r.claims {
		if n < limit && !c.at.After(before) {
			delete(r.claims, key)
			n++
		}
	}
	return n, nil
}

// copyClaim keeps what is stored from whoever holds the answer.
func copyClaim(c ports.KeyRecord) ports.KeyRecord {
	if c.Response != nil {
		c.Response = &ports.Response{Status: c.Response.Status, Body: slices.Clone(c.Response.Body)}
	}
	return c
}
