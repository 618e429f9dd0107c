package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// methods keeps payment methods. Here alone tokens are sealed and opened.
type methods struct {
	q      *dbgen.Queries
	tx     *tx
	tokens tokens
}

func (r methods) Add(ctx context.Context, ms ...billing.PaymentMethod) error {
	if len(ms) == 0 {
		return nil
	}
	stored := make([]storedToken, len(ms))
	for i, m := range ms {
		var err error
		if stored[i], err = r.tokens.store(m); err != nil {
			return err
		}
	}
	return r.tx.later(anyNumber).MethodsAdd(ctx, dbgen.MethodsAddParams{
		UserIds:           column(ms, func(m billing.PaymentMethod) string { return string(m.UserID) }),
		Ids:               column(ms, func(m billing.PaymentMethod) string { return string(m.ID) }),
		PaymentSystems:    column(ms, func(m billing.PaymentMethod) string { return m.PaymentSystem }),
		CardIds:           column(ms, func(m billing.PaymentMethod) string { return string(m.CardID) }),
		Created:           column(ms, func(m billing.PaymentMethod) time.Time { return m.CreatedAt }),
		Tokens:            column(stored, func(t storedToken) string { return t.clear.String }),
		TokenCts:          column(stored, func(t storedToken) []byte { return t.ciphertext }),
		TokenKeyIds:       column(stored, func(t storedToken) int64 { return t.keyID.Int64 }),
		TokenFingerprints: column(stored, func(t storedToken) []byte { return t.fingerprint }),
	})
}

// linked reads the method that a viewer's token was found with. One that was kept
// before there was a vault is sealed now.
func (r methods) linked(ctx context.Context, row *dbgen.PaymentMethod, token billing.Secret) (*billing.PaymentMethod, error) {
	m := r.tokens.methodOf(row)
	m.Token = token
	if !row.Token.Valid || r.tokens.vault == nil {
		return &m, nil
	}
	t, err := r.tokens.store(m)
	if err != nil {
		return nil, err
	}
	return &m, r.seal(ctx, m, t)
}

func (r methods) Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error) {
	row, err := r.q.Method(ctx, string(user), string(id))
	if err != nil {
		return billing.PaymentMethod{}, orNotFound(err, billing.ErrNotFound)
	}
	return r.tokens.methodOf(row), nil
}

func (r methods) Retoken(ctx context.Context, user billing.UserID, id billing.PaymentMethodID, token billing.Secret) error {
	t, err := r.tokens.store(billing.PaymentMethod{ID: id, UserID: user, Token: token})
	if err != nil {
		return err
	}
	return r.tx.later(anyNumber).MethodRetoken(ctx, dbgen.MethodRetokenParams{
		UserID: string(user), ID: string(id),
		Token: t.clear, TokenCt: t.ciphertext, TokenKeyID: t.keyID, TokenFingerprint: t.fingerprint,
	})
}

func (r methods) RemoveOf(ctx context.Context, removed billing.Card) error {
	rows, err := r.q.MethodsOfCard(ctx, string(removed.UserID), string(removed.ID))
	if err != nil || len(rows) == 0 {
		return err
	}
	return r.q.MethodsRemove(ctx, dbgen.MethodsRemoveParams{
		RemovedAt: removed.RemovedAt, CardID: string(removed.ID), UserID: string(removed.UserID),
		Ids: column(rows, func(row *dbgen.PaymentMethod) string { return row.ID }),
	})
}

// seal puts a sealed token in the place of the one that a method has.
func (r methods) seal(ctx context.Context, m billing.PaymentMethod, t storedToken) error {
	n, err := r.q.MethodSeal(ctx, dbgen.MethodSealParams{
		UserID: string(m.UserID), ID: string(m.ID),
		TokenCt: t.ciphertext, TokenKeyID: t.keyID, TokenFingerprint: t.fingerprint,
	})
	return mustTouch(1, n, err)
}

// tokens seals and opens the tokens of methods.
type tokens struct{ vault app.Vault }

// storedToken is a token as the database has it.
type storedToken struct {
	clear       pgtype.Text // without a vault
	ciphertext  []byte
	keyID       pgtype.Int8
	fingerprint []byte
}

// snapshot is for a batch.
func (t tokens) snapshot() tokens {
	if t.vault == nil {
		return t
	}
	return tokens{t.vault.Snapshot()}
}

func (t tokens) store(m billing.PaymentMethod) (storedToken, error) {
	token := m.Token.Reveal()
	switch {
	case token == "": // a card's, which has none yet
		return storedToken{}, nil
	case t.vault == nil:
		return storedToken{clear: text(token)}, nil
	}
	sealed, err := t.vault.Seal(tokenPlace(m), []byte(token))
	if err != nil {
		return storedToken{}, err
	}
	f, err := t.fingerprint(m.UserID, m.Token)
	return storedToken{ciphertext: sealed.Ciphertext, keyID: key(sealed), fingerprint: f}, err
}

// fingerprint is what a viewer's token is found by; nil without a vault.
func (t tokens) fingerprint(user billing.UserID, token billing.Secret) ([]byte, error) {
	if t.vault == nil {
		return nil, nil
	}
	f, err := t.vault.Fingerprint(app.SealedToken, user, []byte(token.Reveal()))
	return f[:], err
}

// methodOf reads a method. One whose token does not open comes without: nothing
// can be charged to it, and the others of a batch are not held up.
func (t tokens) methodOf(row *dbgen.PaymentMethod) billing.PaymentMethod {
	m := billing.PaymentMethod{
		ID: billing.PaymentMethodID(row.ID), UserID: billing.UserID(row.UserID), PaymentSystem: row.PaymentSystem,
		CardID: idOf[billing.CardID](row.CardID), CreatedAt: row.CreatedAt, RemovedAt: row.RemovedAt,
	}
	token, err := t.open(row)
	if err == nil && token != "" {
		m.Token = billing.NewSecret(token)
	}
	m.Unreadable = err != nil
	return m
}

func (t tokens) open(row *dbgen.PaymentMethod) (string, error) {
	switch {
	case row.Token.Valid:
		return row.Token.String, nil
	case row.TokenCt == nil:
		return "", nil
	case t.vault == nil:
		return "", fmt.Errorf("token of method %s: it is sealed, and there is no vault", row.ID)
	}
	token, err := t.vault.Open(
		tokenPlace(billing.PaymentMethod{ID: billing.PaymentMethodID(row.ID), UserID: billing.UserID(row.UserID)}),
		sealedOf(row.TokenCt, row.TokenKeyID))
	return string(token), err
}

func tokenPlace(m billing.PaymentMethod) app.Place {
	return app.Place{Purpose: app.SealedToken, User: m.UserID, Row: string(m.ID)}
}

func key(s billing.Encrypted) pgtype.Int8 {
	return pgtype.Int8{Int64: int64(s.KeyID), Valid: s.Ciphertext != nil}
}

func sealedOf(ciphertext []byte, keyID pgtype.Int8) billing.Encrypted {
	return billing.Encrypted{Ciphertext: ciphertext, KeyID: uint32(keyID.Int64)}
}

func text(s string) pgtype.Text { return pgtype.Text{String: s, Valid: true} }
