package ports

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// KeyedRequest is a request with an Idempotency-Key. The fingerprint distinguishes
// a repetition of the request from another request with the same key.
type KeyedRequest struct {
	User billing.UserID
	Key  string // as it is stored
	// OtherKeys are the other forms in which the same key may be stored.
	OtherKeys   []string
	Fingerprint [32]byte // hash of the operation and its arguments
	// OtherFingerprints are those of the same request under other keys, and that of an
	// earlier version. A repetition may find any of them stored.
	OtherFingerprints [][32]byte
	Owner             string // unique id of this attempt
}

// Repeats reports whether r is a repetition of the request with this stored
// fingerprint.
func (r KeyedRequest) Repeats(stored [32]byte) bool {
	return r.Fingerprint == stored || slices.Contains(r.OtherFingerprints, stored)
}

// Response is the response to the first request with a key.
type Response struct {
	Status int
	Body   []byte // empty if it was erased: see [PersonalData]
}

// Erased reports whether the body was erased with the personal data of the user.
func (r Response) Erased() bool { return len(r.Body) == 0 }

// KeyRecord is the stored claim of a request on its key.
type KeyRecord struct {
	KeyedRequest
	Subscription billing.SubscriptionID // created or changed by the request; may be empty
	Response     *Response              // nil while the request runs, or if its process died
	Unclaimed    bool                   // the response was stored without a claim, because the request changed nothing
}

// IdempotencyKeys stores the responses to requests with an Idempotency-Key.
type IdempotencyKeys interface {
	// Claim stores r as the owner of its key, in the transaction that changes the
	// subscription. It returns [billing.ErrRequestInProgress] if the key is taken.
	Claim(ctx context.Context, r KeyedRequest, s billing.SubscriptionID) error
	// Find returns the first claim on any of the keys, which are forms of one key. It
	// returns [billing.ErrNotFound] if there is none.
	Find(ctx context.Context, user billing.UserID, keys ...string) (KeyRecord, error)
	// Keep stores the response to r if the key has no response yet and is free or
	// owned by r. It returns the current claim on the key, which may be another
	// request's.
	Keep(ctx context.Context, r KeyedRequest, response Response) (KeyRecord, error)
	// Forget deletes the claim of owner on a key, unless it has a response.
	Forget(ctx context.Context, user billing.UserID, key, owner string) error
	// Excess returns how long the user keeps more than limit keys that are younger than
	// age on the store's wall clock. It returns 0 if the user has no more than limit.
	Excess(ctx context.Context, user billing.UserID, limit int, age time.Duration) (time.Duration, error)
	// Prune deletes up to limit keys that are older than age on the store's wall clock,
	// and up to limit unclaimed keys that are older than unclaimed. It returns the number
	// of deleted keys.
	Prune(ctx context.Context, age, unclaimed time.Duration, limit int) (int, error)
}
