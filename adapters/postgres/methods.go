package postgres

import (
	"context"
	"fmt"

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

func (r methods) Link(ctx context.Context, m billing.PaymentMethod) (billing.PaymentMethod, error) {
	t, err := r.tokens.store(m)
	if err != nil {
		return billing.PaymentMethod{}, err
	}
	err = r.tx.later(anyNumber).MethodLink(ctx, dbgen.MethodLinkParams{
		UserID: string(m.UserID), ID: string(m.ID), PaymentSystem: m.PaymentSystem, Shown: text(m.Token.Reveal()),
		Token: t.clear, TokenCt: t.ciphertext, TokenKeyID: t.keyID, TokenFingerprint: t.fingerprint,
		CreatedAt: m.CreatedAt,
	})
	if err != nil {
		return billing.PaymentMethod{}, err
	}
	row, err := r.q.MethodByToken(ctx, dbgen.MethodByTokenParams{
		UserID: string(m.UserID), PaymentSystem: m.PaymentSystem,
		TokenFingerprint: t.fingerprint, Token: text(m.Token.Reveal()),
	})
	if err != nil {
		return billing.PaymentMethod{}, err
	}
	linked := r.tokens.methodOf(row)
	linked.Token = m.Token
	if !row.Token.Valid || r.tokens.vault == nil {
		return linked, nil
	}
	// It was kept before there was a vault. Sealed for m, it would not open here.
	if t, err = r.tokens.store(linked); err != nil {
		return linked, err
	}
	return linked, r.seal(ctx, linked, t)
}

func (r methods) Add(ctx context.Context, m billing.PaymentMethod) error {
	return r.tx.later(anyNumber).MethodAdd(ctx, dbgen.MethodAddParams{
		UserID: string(m.UserID), ID: string(m.ID), PaymentSystem: m.PaymentSystem, CardID: orNull(m.CardID),
		CreatedAt: m.CreatedAt,
	})
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
		Ids: column(rows, func(row dbgen.PaymentMethod) string { return row.ID }),
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

func (t tokens) store(m billing.PaymentMethod) (storedToken, error) {
	token := m.Token.Reveal()
	if t.vault == nil {
		return storedToken{clear: text(token)}, nil
	}
	sealed, err := t.vault.Seal(tokenPlace(m), []byte(token))
	if err != nil {
		return storedToken{}, err
	}
	f, err := t.vault.Fingerprint(app.SealedToken, m.UserID, []byte(token))
	if err != nil {
		return storedToken{}, err
	}
	return storedToken{ciphertext: sealed.Ciphertext, keyID: key(sealed), fingerprint: f[:]}, nil
}

// methodOf reads a method. One whose token does not open comes without: nothing
// can be charged to it, and the others of a batch are not held up.
func (t tokens) methodOf(row dbgen.PaymentMethod) billing.PaymentMethod {
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

func (t tokens) open(row dbgen.PaymentMethod) (string, error) {
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

func key(s billing.Sealed) pgtype.Int8 {
	return pgtype.Int8{Int64: int64(s.KeyID), Valid: s.Ciphertext != nil}
}

func sealedOf(ciphertext []byte, keyID pgtype.Int8) billing.Sealed {
	return billing.Sealed{Ciphertext: ciphertext, KeyID: uint32(keyID.Int64)}
}

func text(s string) pgtype.Text { return pgtype.Text{String: s, Valid: true} }
