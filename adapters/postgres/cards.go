package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

// cards implements [ports.Cards].
type cards struct{ q *dbgen.Queries }

func (r cards) Same(ctx context.Context, user billing.UserID, f billing.Fingerprint) (billing.Card, error) {
	row, err := r.q.CardByFingerprint(ctx, string(user), f[:])
	return cardOf(row), orNotFound(err, billing.ErrNotFound)
}

func (r cards) Find(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error) {
	row, err := r.q.CardForShare(ctx, string(user), string(id))
	return cardOf(row), orNotFound(err, billing.ErrCardNotFound)
}

func (r cards) Lock(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error) {
	row, err := r.q.CardForUpdate(ctx, string(user), string(id))
	return cardOf(row), orNotFound(err, billing.ErrCardNotFound)
}

func (r cards) Add(ctx context.Context, c billing.Card) error {
	return r.q.CardAdd(ctx, dbgen.CardAddParams{
		UserID: string(c.UserID), ID: string(c.ID), Brand: string(c.Brand), Last4: c.Last4,
		ExpMonth: int32(c.ExpMonth), ExpYear: int32(c.ExpYear), Holder: c.Holder,
		NumberCt: c.Number.Ciphertext, KeyID: keyID(c.Number), Fingerprint: c.Fingerprint[:],
		CreatedAt: c.CreatedAt, RemovedAt: c.RemovedAt,
	})
}

func (r cards) Save(ctx context.Context, c billing.Card) error {
	n, err := r.q.CardSave(ctx, dbgen.CardSaveParams{
		UserID: string(c.UserID), ID: string(c.ID),
		ExpMonth: int32(c.ExpMonth), ExpYear: int32(c.ExpYear), Holder: c.Holder, RemovedAt: c.RemovedAt,
	})
	return oneRow(n, err)
}

func (r cards) Added(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error) {
	return r.q.CardsAdded(ctx, string(user), since, int32(limit))
}

func (r cards) Linked(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error) {
	return r.q.MethodsLinked(ctx, string(user), since, int32(limit))
}

func (r cards) Declined(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error) {
	return r.q.CardsDeclined(ctx, string(user), since, int32(limit))
}

func cardOf(row *dbgen.Card) billing.Card {
	c := billing.Card{
		ID: billing.CardID(row.ID), UserID: billing.UserID(row.UserID),
		Brand: billing.Brand(row.Brand), Last4: row.Last4,
		ExpMonth: int(row.ExpMonth), ExpYear: int(row.ExpYear), Holder: row.Holder,
		Number: encryptedOf(row.NumberCt, row.KeyID), CreatedAt: row.CreatedAt, RemovedAt: row.RemovedAt,
	}
	copy(c.Fingerprint[:], row.Fingerprint)
	return c
}
