package postgres

import (
	"context"
	"slices"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// tokenRemovals implements [ports.TokenRemovals]. A token is encrypted for the place that it
// had in its method.
type tokenRemovals struct {
	q      *dbgen.Queries
	tx     tx
	tokens tokens
}

func (r tokenRemovals) Add(ctx context.Context, ms ...billing.PaymentMethod) error {
	ms = slices.DeleteFunc(slices.Clone(ms), func(m billing.PaymentMethod) bool { return m.Token.IsZero() })
	if len(ms) == 0 {
		return nil
	}
	stored := make([]storedToken, len(ms))
	for i, m := range ms {
		var err error
		if stored[i], err = r.tokens.encrypt(m); err != nil {
			return err
		}
	}
	return r.tx.queue().TokenRemovalsAdd(ctx, dbgen.TokenRemovalsAddParams{
		UserIds:        mapSlice(ms, func(m billing.PaymentMethod) string { return string(m.UserID) }),
		MethodIds:      mapSlice(ms, func(m billing.PaymentMethod) string { return string(m.ID) }),
		PaymentSystems: mapSlice(ms, func(m billing.PaymentMethod) string { return m.PaymentSystem }),
		Tokens:         mapSlice(stored, func(t storedToken) string { return t.plaintext.String }),
		TokenCts:       mapSlice(stored, func(t storedToken) []byte { return t.ciphertext }),
		TokenKeyIds:    mapSlice(stored, func(t storedToken) int64 { return t.keyID.Int64 }),
	})
}

func (r tokenRemovals) Lease(ctx context.Context, i billing.LookupInterval, limit int) ([]ports.TokenRemoval, error) {
	rows, err := r.q.TokenRemovalsLease(ctx, interval(i.Min), interval(i.Max), int32(limit))
	return mapSlice(rows, func(row *dbgen.TokenRemovalsLeaseRow) ports.TokenRemoval {
		m := r.tokens.methodOf(methodRowOf(&row.TokenRemoval))
		return ports.TokenRemoval{
			User: m.UserID, Method: m.ID, PaymentSystem: m.PaymentSystem, Token: m.Token,
			Age: row.LeasedAt.Sub(row.TokenRemoval.RemovedAt),
		}
	}), err
}

func (r tokenRemovals) Done(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) error {
	return r.q.TokenRemovalDone(ctx, string(user), string(id))
}

// InUse compares decrypted tokens, because methods of cards and pages may have no
// fingerprint. A viewer has few methods.
func (r tokenRemovals) InUse(ctx context.Context, t ports.TokenRemoval) (bool, error) {
	rows, err := r.q.MethodsOfSystem(ctx, string(t.User), t.PaymentSystem)
	return slices.ContainsFunc(rows, func(row *dbgen.PaymentMethod) bool {
		token := r.tokens.methodOf(row).Token
		return !token.IsZero() && token.Equal(t.Token)
	}), err
}

// methodRowOf returns a row of payment_methods with the token of a removed method.
func methodRowOf(row *dbgen.TokenRemoval) *dbgen.PaymentMethod {
	return &dbgen.PaymentMethod{
		UserID: row.UserID, ID: row.MethodID, PaymentSystem: row.PaymentSystem,
		Token: row.Token, TokenCt: row.TokenCt, TokenKeyID: row.TokenKeyID,
	}
}
