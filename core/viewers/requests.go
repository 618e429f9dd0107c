package viewers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Requests replays the response to a repeated request.
//
// A request with an Idempotency-Key claims the key in the transaction that does its
// work. Its response is stored afterwards. If the process dies in between, the
// response is derived from the stored work. A cancel and a resume store their
// response in the transaction that does their work, because a later change of the
// subscription would hide their effect.
type Requests struct {
	Store ports.Store
}

// Replay determines whether r is a repetition. It returns one of:
//
//	nil, nil              r is new, or the first request had no effect: run it
//	Response              the stored response: send it again
//	Work                  the first request did its work and died before it responded
//	ErrKeyReused          the key belongs to a different request, or its response was erased
//	ErrRequestInProgress  the first request is still running
func (q Requests) Replay(ctx context.Context, r ports.KeyedRequest) (*ports.Response, *Work, error) {
	c, err := ports.InTx(ctx, q.Store, func(tx ports.Repos) (ports.KeyRecord, error) {
		return tx.IdempotencyKeys.Find(ctx, r.User, append([]string{r.Key}, r.OtherKeys...)...)
	})
	switch {
	case errors.Is(err, billing.ErrNotFound):
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("idempotency key: %w", err)
	case !r.Repeats(c.Fingerprint):
		return nil, nil, billing.ErrKeyReused
	case c.Response != nil && c.Response.Erased():
		return nil, nil, errErased
	case c.Response != nil:
		return c.Response, nil, nil
	default:
		return q.recover(ctx, c)
	}
}

// errErased refuses a repetition whose response was erased. The request must not run again.
var errErased = billing.ErrKeyReused.WithMessage("the response to this Idempotency-Key was erased with the personal data; take a new one")

// Work is the effect of a request that died before it responded. The caller derives
// the response from View and stores it under Claim.
type Work struct {
	Claim  ports.KeyedRequest
	View   ports.SubscriptionView
	Method *Method // that the request saves; nil if it was about a subscription
}

// recover determines the effect of a request without a response. While its payment is
// pending, the request counts as running: it still runs, or a sweep will settle the
// payment. A payment that waits for its viewer or for a person is an effect, because that
// can last for days. An abandoned payment of the viewer means that the request had no effect. A
// renewal says nothing about the request.
//
// A request without a subscription has the same effect when it is repeated, so it
// runs again. The exception is a request to save a method: see [Methods.Save].
func (q Requests) recover(ctx context.Context, c ports.KeyRecord) (*ports.Response, *Work, error) {
	if c.Subscription == "" {
		return q.recoverSave(ctx, c)
	}
	v, err := q.Store.Views().Subscription(ctx, c.User, string(c.Subscription))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("recover request: %w", err)
	case v.Latest.Status == billing.PaymentPending && v.Latest.ActionURL == "" && !v.Latest.NeedsReview():
		return nil, nil, billing.ErrRequestInProgress
	case v.Latest.Status == billing.PaymentAbandoned && v.Latest.Initiator == billing.CustomerInitiated:
		return nil, nil, q.Forget(ctx, c.KeyedRequest)
	default:
		return nil, &Work{Claim: c.KeyedRequest, View: v}, nil
	}
}

// recoverSave determines the effect of a request that may have begun to save a method. A
// failed save is no effect: a repeated request opens another page.
func (q Requests) recoverSave(ctx context.Context, c ports.KeyRecord) (*ports.Response, *Work, error) {
	m, err := q.Store.Views().SavedMethod(ctx, c.User, billing.PaymentMethodID(c.Owner))
	switch {
	case errors.Is(err, billing.ErrPaymentMethodNotFound):
		return nil, nil, q.Forget(ctx, c.KeyedRequest)
	case err != nil:
		return nil, nil, fmt.Errorf("recover request: %w", err)
	case m.Saving && m.ActionURL == "":
		return nil, nil, billing.ErrRequestInProgress
	case m.Status() == billing.MethodFailed && m.RemovedAt.IsZero():
		return nil, nil, q.Forget(ctx, c.KeyedRequest)
	default:
		return nil, &Work{Claim: c.KeyedRequest, Method: &Method{MethodView: m}}, nil
	}
}

// Keep stores the response to r and returns the response to send, which is the one
// stored first. Errors:
//
//	ErrKeyReused          the key belongs to a different request
//	ErrRequestInProgress  another request with the key has no response yet
//	ErrRateLimited        a [billing.LimitedError]: r changed nothing, and the viewer has too many keys
func (q Requests) Keep(ctx context.Context, r ports.KeyedRequest, a ports.Response) (ports.Response, error) {
	c, err := ports.InTx(ctx, q.Store, func(tx ports.Repos) (ports.KeyRecord, error) {
		return keep(ctx, tx, r, a)
	})
	switch {
	case err != nil:
		return ports.Response{}, fmt.Errorf("store response: %w", err)
	case !r.Repeats(c.Fingerprint):
		return ports.Response{}, billing.ErrKeyReused
	case c.Response == nil:
		return ports.Response{}, billing.ErrRequestInProgress
	default:
		return *c.Response, nil
	}
}

// Forget releases the key of r, which had no effect. A repetition runs again.
func (q Requests) Forget(ctx context.Context, r ports.KeyedRequest) error {
	err := q.Store.InTx(ctx, func(tx ports.Repos) error {
		return tx.IdempotencyKeys.Forget(ctx, r.User, r.Key, r.Owner)
	})
	if err != nil {
		return fmt.Errorf("forget idempotency key: %w", err)
	}
	return nil
}

// keep stores the response to r and returns the current claim on its key. A request
// that changed nothing is refused with a [billing.LimitedError] if its viewer has too
// many keys. No other request is: it did its work.
func keep(ctx context.Context, tx ports.Repos, r ports.KeyedRequest, a ports.Response) (ports.KeyRecord, error) {
	c, err := tx.IdempotencyKeys.Keep(ctx, r, a)
	if err != nil || !c.Unclaimed || c.Owner != r.Owner {
		return c, err
	}
	wait, err := tx.IdempotencyKeys.Excess(ctx, r.User, maxKeys, unclaimedAge)
	if err != nil || wait <= 0 {
		return c, err
	}
	return c, &billing.LimitedError{Refusal: billing.TooManyKeys, RetryAfter: wait}
}

// Responses are kept for responseAge, far longer than clients repeat requests. Those to
// requests that changed nothing are kept for unclaimedAge, because running such a
// request again is harmless. They are removed in batches of pruneLimit.
//
// An application makes one key for each action of its viewer, which is some ten keys a
// day. With maxKeys a day, failing requests of one viewer take half a megabyte.
const (
	responseAge  = 30 * 24 * time.Hour
	unclaimedAge = 24 * time.Hour
	pruneLimit   = 1000
	maxKeys      = 500
)

// Prune removes expired responses and returns how many it removed.
func (q Requests) Prune(ctx context.Context) (int, error) {
	return ports.InTx(ctx, q.Store, func(tx ports.Repos) (int, error) {
		return tx.IdempotencyKeys.Prune(ctx, responseAge, unclaimedAge, pruneLimit)
	})
}

// claim claims the key of r for the work on a subscription. r is nil if the request
// has no key.
func claim(ctx context.Context, tx ports.Repos, r *ports.KeyedRequest, s billing.SubscriptionID) error {
	if r == nil {
		return nil
	}
	return tx.IdempotencyKeys.Claim(ctx, *r, s)
}

// unclaim releases the claimed key of r, because its request changes nothing.
func unclaim(ctx context.Context, tx ports.Repos, r *ports.KeyedRequest) error {
	if r == nil {
		return nil
	}
	return tx.IdempotencyKeys.Forget(ctx, r.User, r.Key, r.Owner)
}

// Respond returns the response to a request that left the subscription as it is in v.
// The features of v are not set.
type Respond func(v ports.SubscriptionView) (ports.Response, error)

// keyed is the key of a request, and how to respond to it. Both are optional.
type keyed struct {
	request *ports.KeyedRequest
	respond Respond
}

// respondTo stores the response together with the work.
func (k keyed) respondTo(ctx context.Context, tx ports.Repos, s billing.Subscription) error {
	if k.request == nil || k.respond == nil {
		return nil
	}
	v := ports.SubscriptionView{Subscription: s}
	if !s.Given() {
		latest, err := tx.Payments.Lock(ctx, ports.PaymentKey{User: s.UserID, ID: s.LatestPaymentID})
		if err != nil {
			return err
		}
		if len(latest) != 1 {
			return fmt.Errorf("subscription %s has no payment %s", s.ID, s.LatestPaymentID)
		}
		v.Latest = latest[0]
	}
	response, err := k.respond(v)
	if err != nil {
		return err
	}
	_, err = keep(ctx, tx, *k.request, response)
	return err
}
