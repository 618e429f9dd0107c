package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// KeyedRequest is a request that its sender may repeat: its Idempotency-Key, and
// what is needed to tell a repetition from another request.
type KeyedRequest struct {
	User        billing.UserID
	Key         string
	Fingerprint [32]byte // over everything that matters in the request
	Owner       string   // which of the requests with this key; unique
}

// Response is what the first request was answered.
type Response struct {
	Status int
	Body   []byte
}

// KeyRecord is what is known of a key that was used.
type KeyRecord struct {
	KeyedRequest
	Subscription billing.SubscriptionID // what the request did its work on; empty if it did none
	Response     *Response              // nil while the request runs, or when it died
}

// IdempotencyKeys keeps what requests with an Idempotency-Key were answered.
type IdempotencyKeys interface {
	// Claim notes, together with the work on a subscription, that r did it.
	// [billing.ErrRequestInProgress] when the key is taken.
	Claim(ctx context.Context, r KeyedRequest, s billing.SubscriptionID) error
	// Find returns the claim on a key. [billing.ErrNotFound] when there is none.
	Find(ctx context.Context, user billing.UserID, key string) (KeyRecord, error)
	// Keep keeps the answer to r, if r owns the key or nobody does, and there is
	// no answer yet. It returns the claim as it stands then, whoever owns it.
	Keep(ctx context.Context, r KeyedRequest, a Response) (KeyRecord, error)
	// Forget gives a key back that has no answer and that owner claimed.
	Forget(ctx context.Context, user billing.UserID, key, owner string) error
	// Prune removes up to limit claims that are older than age on the store's
	// wall clock.
	Prune(ctx context.Context, age time.Duration, limit int) (int, error)
}
