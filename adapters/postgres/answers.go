package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

type answers struct {
	q  *dbgen.Queries
	tx *tx
}

func (r answers) Claim(ctx context.Context, req app.Request, s billing.SubscriptionID) error {
	return r.q.AnswersClaim(ctx, claimParams([]order{{Request: &req, Subscription: s}}))
}

// claimParams has the keys of those orders that have one.
func claimParams(asked []order) (p dbgen.AnswersClaimParams) {
	for _, o := range asked {
		if o.Request != nil {
			p.UserIds, p.Keys = append(p.UserIds, string(o.Request.User)), append(p.Keys, o.Request.Key)
			p.Fingerprints, p.Owners = append(p.Fingerprints, o.Request.Fingerprint[:]), append(p.Owners, o.Request.Owner)
			p.SubscriptionIds = append(p.SubscriptionIds, string(o.Subscription))
		}
	}
	return p
}

func (r answers) Find(ctx context.Context, user billing.UserID, key string) (app.Claim, error) {
	row, err := r.q.Answer(ctx, string(user), key)
	if err != nil {
		return app.Claim{}, orNotFound(err, billing.ErrNotFound)
	}
	return claimOf(row), nil
}

func (r answers) Keep(ctx context.Context, req app.Request, a app.Answer) (app.Claim, error) {
	err := r.tx.later(anyNumber).AnswerKeep(ctx, dbgen.AnswerKeepParams{
		UserID: string(req.User), Key: req.Key, Fingerprint: req.Fingerprint[:], Owner: req.Owner,
		Status: pgtype.Int4{Int32: int32(a.Status), Valid: true}, Body: append([]byte{}, a.Body...),
	})
	if err != nil {
		return app.Claim{}, err
	}
	return r.Find(ctx, req.User, req.Key)
}

func (r answers) Forget(ctx context.Context, user billing.UserID, key, owner string) error {
	return r.tx.later(anyNumber).AnswerForget(ctx, string(user), key, owner)
}

func (r answers) Prune(ctx context.Context, age time.Duration, limit int) (int, error) {
	n, err := r.q.AnswersPrune(ctx, interval(age), int32(limit))
	return int(n), err
}

func claimOf(row *dbgen.IdempotencyAnswer) app.Claim {
	c := app.Claim{Request: app.Request{User: billing.UserID(row.UserID), Key: row.Key, Owner: row.Owner}}
	copy(c.Fingerprint[:], row.Fingerprint)
	if row.SubscriptionID != nil {
		c.Subscription = billing.SubscriptionID(*row.SubscriptionID)
	}
	if row.Status.Valid {
		c.Answer = &app.Answer{Status: int(row.Status.Int32), Body: row.Body}
	}
	return c
}
