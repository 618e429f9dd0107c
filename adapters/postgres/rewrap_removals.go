package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
)

// removals encrypts the tokens that payment systems have not forgotten yet.
func (r *Rewrap) removals(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	if r.store.vault == nil {
		return 0, nil
	}
	rows, err := q.TokenRemovalsToReencrypt(ctx, dbgen.TokenRemovalsToReencryptParams{
		KeyID: int64(r.store.vault.PrimaryKeyID()), AfterUser: r.removal.user, AfterID: r.removal.id, Take: int32(limit),
	})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		r.removal = cursor{row.UserID, row.MethodID}
		if err := r.record("token of removed payment method", row.MethodID, r.rewrapRemoval(ctx, q, row)); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (r *Rewrap) rewrapRemoval(ctx context.Context, q *dbgen.Queries, row *dbgen.TokenRemoval) error {
	_, fresh, err := r.encryptAgain(methodRowOf(row))
	if err != nil {
		return err
	}
	n, err := q.TokenRemovalReencrypt(ctx, dbgen.TokenRemovalReencryptParams{
		UserID: row.UserID, MethodID: row.MethodID, TokenCt: fresh.ciphertext, TokenKeyID: fresh.keyID,
	})
	return oneRow(n, err)
}
