package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/ports"
)

// factors encrypts the second factors of panel users.
func (r *Rewrap) factors(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	v := r.store.panelVault
	if v == nil {
		return 0, nil
	}
	rows, err := q.FactorsToReencrypt(ctx, int64(v.PrimaryKeyID()), r.factor, int32(limit))
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		r.factor = row.ID
		fresh, err := reencrypt(v, ports.FactorPlace(row.ID), encryptedOf(row.TotpKeyCt, row.TotpKeyID))
		if err == nil {
			err = oneRow(q.FactorReencrypt(ctx, fresh.Ciphertext, keyID(fresh), row.ID))
		}
		if err := r.record("second factor of panel user", row.ID, err); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}
