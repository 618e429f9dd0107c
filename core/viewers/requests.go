package viewers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Requests gives the same answer to the same request, however often it comes.
//
// A request with an Idempotency-Key claims the key in the very transaction that
// does its work, so that there is never one without the other. Its answer is
// kept afterwards. When a process dies in between, the answer is made from what
// became of the work.
type Requests struct {
	Store ports.Store
}

// Replay looks whether r is a repetition.
//
//	nil, nil              it is new, or nothing came of the first: do the work
//	Answer                the first answer: give it again
//	Work                  the first did its work and died before it answered
//	ErrKeyReused          the key belongs to another request
//	ErrRequestInProgress  the first is still running
func (q Requests) Replay(ctx context.Context, r ports.KeyedRequest) (*ports.Response, *Work, error) {
	var c ports.KeyRecord
	err := q.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		c, err = tx.IdempotencyKeys.Find(ctx, r.User, r.Key)
		return err
	})
	switch {
	case errors.Is(err, billing.ErrNotFound):
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("idempotency key: %w", err)
	case c.Fingerprint != r.Fingerprint:
		return nil, nil, billing.ErrKeyReused
	case c.Response != nil:
		return c.Response, nil, nil
	default:
		return q.recover(ctx, c)
	}
}

// Work is what a request did that died before it was answered. Its answer is to
// be made of View and kept under Claim.
type Work struct {
	Claim ports.KeyedRequest
	View  ports.SubscriptionView
}

// recover finds out what became of a request without an answer. While its
// payment is pending it counts as running: it runs, or the sweep will settle it.
//
// A request without a subscription does the same when it is done again, so it is.
func (q Requests) recover(ctx context.Context, c ports.KeyRecord) (*ports.Response, *Work, error) {
	if c.Subscription == "" {
		return nil, nil, q.Forget(ctx, c.KeyedRequest)
	}
	v, err := q.Store.Views().Subscription(ctx, c.User, string(c.Subscription))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("recover request: %w", err)
	case v.Latest.Status == billing.PaymentPending:
		return nil, nil, billing.ErrRequestInProgress
	case v.Latest.Status == billing.PaymentAbandoned:
		return nil, nil, q.Forget(ctx, c.KeyedRequest)
	default:
		return nil, &Work{c.KeyedRequest, v}, nil
	}
}

// Keep keeps the answer to r and returns the answer to give: the one that was
// kept first. [billing.ErrRequestInProgress] when another request with the key
// has not been answered yet.
func (q Requests) Keep(ctx context.Context, r ports.KeyedRequest, a ports.Response) (ports.Response, error) {
	var c ports.KeyRecord
	err := q.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		c, err = tx.IdempotencyKeys.Keep(ctx, r, a)
		return err
	})
	switch {
	case err != nil:
		return ports.Response{}, fmt.Errorf("keep answer: %w", err)
	case c.Fingerprint != r.Fingerprint:
		return ports.Response{}, billing.ErrKeyReused
	case c.Response == nil:
		return ports.Response{}, billing.ErrRequestInProgress
	default:
		return *c.Response, nil
	}
}

// Forget gives the key of r back: nothing came of r, so that a repetition is a
// new attempt.
func (q Requests) Forget(ctx context.Context, r ports.KeyedRequest) error {
	err := q.Store.InTx(ctx, func(tx ports.Repos) error {
		return tx.IdempotencyKeys.Forget(ctx, r.User, r.Key, r.Owner)
	})
	if err != nil {
		return fmt.Errorf("forget idempotency key: %w", err)
	}
	return nil
}

// Answers are kept this long, far beyond the day in which clients repeat
// requests, and removed this many at a time.
const (
	answerAge  = 30 * 24 * time.Hour
	pruneLimit = 1000
)

// Prune removes answers that nobody will ask for any more, and says how many.
func (q Requests) Prune(ctx context.Context) (n int, err error) {
	err = q.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		n, err = tx.IdempotencyKeys.Prune(ctx, answerAge, pruneLimit)
		return err
	})
	return n, err
}

func claim(ctx context.Context, tx ports.Repos, r *ports.KeyedRequest, s billing.SubscriptionID) error {
	if r == nil {
		return nil
	}
	return tx.IdempotencyKeys.Claim(ctx, *r, s)
}
