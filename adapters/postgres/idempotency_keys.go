package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// idempotencyKeys implements [ports.IdempotencyKeys].
type idempotencyKeys struct {
	q  *dbgen.Queries
	tx tx
}

func (r idempotencyKeys) Claim(ctx context.Context, req ports.KeyedRequest, s billing.SubscriptionID) error {
	return r.q.IdempotencyKeysClaim(ctx, claimParams([]ports.CheckoutQuery{{Request: &req, Subscription: s}}))
}

// claimParams returns the keys of the orders that have one.
func claimParams(queries []ports.CheckoutQuery) (p dbgen.IdempotencyKeysClaimParams) {
	for _, o := range queries {
		if o.Request != nil {
			p.UserIds, p.Keys = append(p.UserIds, string(o.Request.User)), append(p.Keys, o.Request.Key)
			p.Fingerprints, p.Owners = append(p.Fingerprints, o.Request.Fingerprint[:]), append(p.Owners, o.Request.Owner)
			p.SubscriptionIds = append(p.SubscriptionIds, string(o.Subscription))
		}
	}
	return p
}

func (r idempotencyKeys) Find(ctx context.Context, user billing.UserID, keys ...string) (ports.KeyRecord, error) {
	row, err := r.q.IdempotencyKey(ctx, string(user), keys)
	if err != nil {
		return ports.KeyRecord{}, orNotFound(err, billing.ErrNotFound)
	}
	return claimOf(row), nil
}

func (r idempotencyKeys) Keep(ctx context.Context, req ports.KeyedRequest, a ports.Response) (ports.KeyRecord, error) {
	err := r.tx.queue().IdempotencyKeyStoreResponse(ctx, dbgen.IdempotencyKeyStoreResponseParams{
		UserID: string(req.User), Key: req.Key, Fingerprint: req.Fingerprint[:], Owner: req.Owner,
		Status: pgtype.Int4{Int32: int32(a.Status), Valid: true}, Body: append([]byte{}, a.Body...),
	})
	if err != nil {
		return ports.KeyRecord{}, err
	}
	return r.Find(ctx, req.User, req.Key)
}

func (r idempotencyKeys) Forget(ctx context.Context, user billing.UserID, key, owner string) error {
	return r.tx.queue().IdempotencyKeyRelease(ctx, string(user), key, owner)
}

func (r idempotencyKeys) Excess(ctx context.Context, user billing.UserID, limit int, age time.Duration) (time.Duration, error) {
	seconds, err := r.q.IdempotencyKeysExcess(ctx, int32(limit), interval(age), string(user))
	return time.Duration(seconds * float64(time.Second)), err
}

func (r idempotencyKeys) Prune(ctx context.Context, age, unclaimed time.Duration, limit int) (int, error) {
	brief, err := r.q.IdempotencyKeysPruneUnclaimed(ctx, interval(unclaimed), int32(limit))
	if err != nil {
		return 0, err
	}
	n, err := r.q.IdempotencyKeysPrune(ctx, interval(age), int32(limit))
	return int(brief + n), err
}

func claimOf(row *dbgen.IdempotencyAnswer) ports.KeyRecord {
	c := ports.KeyRecord{
		KeyedRequest: ports.KeyedRequest{User: billing.UserID(row.UserID), Key: row.Key, Owner: row.Owner},
		Subscription: idOrEmpty[billing.SubscriptionID](row.SubscriptionID), Unclaimed: row.Unclaimed,
	}
	copy(c.Fingerprint[:], row.Fingerprint)
	if row.Status.Valid {
		c.Response = &ports.Response{Status: int(row.Status.Int32), Body: row.Body}
	}
	return c
}
