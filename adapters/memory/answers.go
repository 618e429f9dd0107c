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
	ports.Claim
	at time.Time
}

type answers struct{ *tx }

func (r answers) Claim(_ context.Context, q ports.Request, s billing.SubscriptionID) error {
	return r.claim(q, s)
}

func (t *tx) claim(q ports.Request, s billing.SubscriptionID) error {
	key := claimKey{q.User, q.Key}
	if _, taken := t.claims[key]; taken {
		return t.refuse(billing.ErrRequestInProgress)
	}
	t.claims[key] = claim{ports.Claim{Request: q, Subscription: s}, t.wall()}
	return nil
}

func (r answers) Find(_ context.Context, user billing.UserID, key string) (ports.Claim, error) {
	c, ok := r.claims[claimKey{user, key}]
	if !ok {
		return ports.Claim{}, billing.ErrNotFound
	}
	return copyClaim(c.Claim), nil
}

func (r answers) Keep(_ context.Context, q ports.Request, a ports.Answer) (ports.Claim, error) {
	key := claimKey{q.User, q.Key}
	c, taken := r.claims[key]
	if !taken {
		c = claim{ports.Claim{Request: q}, r.wall()}
	}
	if c.Owner == q.Owner && c.Answer == nil {
		c.Answer = &a
		c.Claim = copyClaim(c.Claim)
	}
	r.claims[key] = c
	return copyClaim(c.Claim), nil
}

func (r answers) Forget(_ context.Context, user billing.UserID, key, owner string) error {
	c, ok := r.claims[claimKey{user, key}]
	if ok && c.Owner == owner && c.Answer == nil {
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
func copyClaim(c ports.Claim) ports.Claim {
	if c.Answer != nil {
		c.Answer = &ports.Answer{Status: c.Answer.Status, Body: slices.Clone(c.Answer.Body)}
	}
	return c
}
