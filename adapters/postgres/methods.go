package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

// methods implements [ports.Methods].
type methods struct {
	q      *dbgen.Queries
	tx     tx
	tokens tokens
}

func (r methods) Add(ctx context.Context, ms ...billing.PaymentMethod) error {
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
	return r.tx.queue().MethodsAdd(ctx, dbgen.MethodsAddParams{
		UserIds:           mapSlice(ms, func(m billing.PaymentMethod) string { return string(m.UserID) }),
		Ids:               mapSlice(ms, func(m billing.PaymentMethod) string { return string(m.ID) }),
		PaymentSystems:    mapSlice(ms, func(m billing.PaymentMethod) string { return m.PaymentSystem }),
		CardIds:           mapSlice(ms, func(m billing.PaymentMethod) string { return string(m.CardID) }),
		FromPages:         mapSlice(ms, func(m billing.PaymentMethod) bool { return m.FromPage }),
		Created:           mapSlice(ms, func(m billing.PaymentMethod) time.Time { return m.CreatedAt }),
		Tokens:            mapSlice(stored, func(t storedToken) string { return t.plaintext.String }),
		TokenCts:          mapSlice(stored, func(t storedToken) []byte { return t.ciphertext }),
		TokenKeyIds:       mapSlice(stored, func(t storedToken) int64 { return t.keyID.Int64 }),
		TokenFingerprints: mapSlice(stored, func(t storedToken) []byte { return t.fingerprint }),
	})
}

// withToken returns the method of a row that was found by this token. If the row
// has the token in plaintext and the store has a vault, it encrypts the row's token.
func (r methods) withToken(ctx context.Context, row *dbgen.PaymentMethod, token billing.Secret) (*billing.PaymentMethod, error) {
	m := r.tokens.methodOf(row)
	m.Token, m.Unreadable = token, false
	if !row.Token.Valid || r.tokens.vault == nil {
		return &m, nil
	}
	t, err := r.tokens.encrypt(m)
	if err != nil {
		return nil, err
	}
	return &m, r.replaceToken(ctx, m, t)
}

func (r methods) Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error) {
	row, err := r.q.MethodForShare(ctx, string(user), string(id))
	if err != nil {
		return billing.PaymentMethod{}, orNotFound(err, billing.ErrPaymentMethodNotFound)
	}
	return r.tokens.methodOf(row), nil
}

func (r methods) SetToken(ctx context.Context, user billing.UserID, id billing.PaymentMethodID, token billing.Secret) error {
	t, err := r.tokens.encrypt(billing.PaymentMethod{ID: id, UserID: user, Token: token})
	if err != nil {
		return err
	}
	return r.tx.queue().MethodSetToken(ctx, dbgen.MethodSetTokenParams{
		UserID: string(user), ID: string(id),
		Token: t.plaintext, TokenCt: t.ciphertext, TokenKeyID: t.keyID, TokenFingerprint: t.fingerprint,
	})
}

// replaceToken replaces a method's stored token by its new encryption.
func (r methods) replaceToken(ctx context.Context, m billing.PaymentMethod, t storedToken) error {
	n, err := r.q.MethodReencrypt(ctx, dbgen.MethodReencryptParams{
		UserID: string(m.UserID), ID: string(m.ID),
		TokenCt: t.ciphertext, TokenKeyID: t.keyID, TokenFingerprint: t.fingerprint,
	})
	return oneRow(n, err)
}
