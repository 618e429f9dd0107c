package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Request is a request that its sender may repeat: its Idempotency-Key, and
// what is needed to tell a repetition from another request.
type Request struct {
	User        billing.UserID
	Key         string
	Fingerprint [32]byte // over everything that matters in the request
	Owner       string   // which of the requests with this key; unique
}

// Answer is what the first request was answered.
type Answer struct {
	Status int
	Body   []byte
}

// Claim is what is known of a key that was used.
type Claim struct {
	Request
	Subscription billing.SubscriptionID // what the request did its work on; empty if it did none
	Answer       *Answer                // nil while the request runs, or when it died
}

// Answers keeps what requests with an Idempotency-Key were answered.
type Answers interface {
	// Claim notes, together with the work on a subscription, that r did it.
	// [billing.ErrRequestInProgress] when the key is taken.
	Claim(ctx context.Context, r Request, s billing.SubscriptionID) error
	// Find returns the claim on a key. [billing.ErrNotFound] when there is none.
	Find(ctx context.Context, user billing.UserID, key string) (Claim, error)
	// Keep keeps the answer to r, if r owns the key or nobody does, and there is
	// no answer yet. It returns the claim as it stands then, whoever owns it.
	Keep(ctx context.Context, r Request, a Answer) (Claim, error)
	// Forget gives a key back that has no answer and that owner claimed.
	Forget(ctx context.Context, user billing.UserID, key, owner string) error
	// Prune removes up to limit claims that are older than age on the store's
	// wall clock.
	Prune(ctx context.Context, age time.Duration, limit int) (int, error)
}
