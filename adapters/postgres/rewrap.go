package postgres

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Rewrap is a pass that encrypts rows with the vault's current key, batch by batch,
// if they are encrypted with another key or stored in plaintext. It verifies each
// new ciphertext before it replaces the old one. It skips rows that another
// transaction has locked; the next pass finds those. A pass can stop at any moment,
// and several passes can run concurrently.
type Rewrap struct {
	Reencrypted int      // number of rows
	Broken      []string // rows that cannot be decrypted, which stay unchanged
	Forged      []string // subscriptions whose consent cannot be verified, likewise
	// RefusePlaintext makes rows with a plaintext token, contact or secret broken.
	RefusePlaintext bool
	// RefuseUnsigned makes subscriptions without a signed consent forged.
	RefuseUnsigned bool

	store                                           *Store
	card, method, removal, contact, secret, consent cursor // the last row of this pass
	factor                                          string // likewise
}

// cursor is a position in the order of user, or endpoint, and id.
type cursor struct{ user, id string }

// Rewrap begins a pass over the tokens, contacts and secrets of endpoints, if the store has a vault, the cards, if it
// has a card vault, and the second factors, if it has a panel vault. It returns
// [ports.ErrNoVault] if it has none.
func (s *Store) Rewrap() (*Rewrap, error) {
	if s.vault == nil && s.cardVault == nil && s.panelVault == nil {
		return nil, ports.ErrNoVault
	}
	first := cursor{minID, minID}
	return &Rewrap{store: s, card: first, method: first, removal: first, contact: first, secret: first, consent: first, factor: minID}, nil
}

// Next processes up to limit cards, methods, tokens of removed methods, contacts, secrets of
// endpoints, consents and second factors each, in one transaction. It returns the number of rows that it read, which is 0 at the end of
// the pass.
func (r *Rewrap) Next(ctx context.Context, limit int) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	done := *r
	err = r.store.inQueriesTx(ctx, func(q *dbgen.Queries) error {
		for _, pass := range []func(context.Context, *dbgen.Queries, int) (int, error){
			done.cards, done.methods, done.removals, done.contacts, done.endpointSecrets, done.consents, done.factors,
		} {
			rows, err := pass(ctx, q, limit)
			if err != nil {
				return err
			}
			n += rows
		}
		return nil
	})
	if err == nil {
		*r = done
	}
	return n, err
}

// record counts a processed row. A row that cannot be decrypted or verified does not
// stop the pass.
func (r *Rewrap) record(kind, id string, err error) error {
	switch {
	case err == nil:
		r.Reencrypted++
	case errors.Is(err, ports.ErrNotDecrypted):
		r.Broken = append(slices.Clip(r.Broken), kind+" "+id)
	case errors.Is(err, ports.ErrNotAuthentic):
		r.Forged = append(slices.Clip(r.Forged), kind+" "+id)
	default:
		return fmt.Errorf("%s %s: %w", kind, id, err)
	}
	return nil
}

// inQueriesTx runs f in a transaction of one attempt, with queries instead of
// repositories.
func (s *Store) inQueriesTx(ctx context.Context, f func(*dbgen.Queries) error) error {
	return translate(s.attemptTx(ctx, func(t tx) error { return f(dbgen.New(t)) }))
}

func (r *Rewrap) cards(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	if r.store.cardVault == nil {
		return 0, nil
	}
	rows, err := q.CardsToReencrypt(ctx, dbgen.CardsToReencryptParams{
		KeyID: int64(r.store.cardVault.PrimaryKeyID()), AfterUser: r.card.user, AfterID: r.card.id, Take: int32(limit),
	})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		r.card = cursor{row.UserID, row.ID}
		if err := r.record("card", row.ID, r.store.rewrapCard(ctx, q, row)); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *Store) rewrapCard(ctx context.Context, q *dbgen.Queries, row *dbgen.Card) error {
	at := ports.Place{Purpose: ports.PurposeCardNumber, User: billing.UserID(row.UserID), Row: row.ID}
	fresh, err := reencrypt(s.cardVault, at, encryptedOf(row.NumberCt, row.KeyID))
	if err != nil {
		return err
	}
	n, err := q.CardReencrypt(ctx, dbgen.CardReencryptParams{
		UserID: row.UserID, ID: row.ID, NumberCt: fresh.Ciphertext, KeyID: keyID(fresh),
	})
	return oneRow(n, err)
}

func reencrypt(v ports.Vault, at ports.Place, old billing.Encrypted) (billing.Encrypted, error) {
	text, err := v.Decrypt(at, old)
	if err != nil {
		return billing.Encrypted{}, err
	}
	defer clear(text)
	fresh, err := v.Encrypt(at, text)
	if err != nil {
		return fresh, err
	}
	return fresh, verify(v, at, fresh, text)
}

// verify decrypts a new ciphertext and compares it with the plaintext, because the
// old ciphertext will be lost.
func verify(v ports.Vault, at ports.Place, fresh billing.Encrypted, want []byte) error {
	got, err := v.Decrypt(at, fresh)
	if err != nil {
		return err
	}
	defer clear(got)
	if subtle.ConstantTimeCompare(got, want) != 1 {
		return fmt.Errorf("the new ciphertext decrypts to another text: %w", ports.ErrNotDecrypted)
	}
	return nil
}

func (r *Rewrap) methods(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	if r.store.vault == nil {
		return 0, nil
	}
	rows, err := q.MethodsToReencrypt(ctx, dbgen.MethodsToReencryptParams{
		KeyID: int64(r.store.vault.PrimaryKeyID()), AfterUser: r.method.user, AfterID: r.method.id, Take: int32(limit),
	})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		r.method = cursor{row.UserID, row.ID}
		if err := r.record("payment method", row.ID, r.rewrapMethod(ctx, q, row)); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (r *Rewrap) rewrapMethod(ctx context.Context, q *dbgen.Queries, row *dbgen.PaymentMethod) error {
	m, fresh, err := r.encryptAgain(row)
	if err != nil {
		return err
	}
	return methods{q: q}.replaceToken(ctx, m, fresh)
}

// encryptAgain returns the method of a row, and its token encrypted with the current key.
func (r *Rewrap) encryptAgain(row *dbgen.PaymentMethod) (m billing.PaymentMethod, fresh storedToken, err error) {
	v := r.store.vault
	text, err := row.Token.String, error(nil)
	switch {
	case !row.Token.Valid:
		text, err = tokens{v}.decrypt(row)
	case r.RefusePlaintext:
		err = ports.ErrNotDecrypted
	}
	if err != nil {
		return m, fresh, err
	}
	m = billing.PaymentMethod{
		ID: billing.PaymentMethodID(row.ID), UserID: billing.UserID(row.UserID), Token: billing.NewSecret(text),
	}
	if fresh, err = (tokens{v}).encrypt(m); err != nil {
		return m, fresh, err
	}
	return m, fresh, verify(v, tokenPlace(m), encryptedOf(fresh.ciphertext, fresh.keyID), []byte(text))
}

// KeyUsage counts the rows that are encrypted with one key. Key 0 stands for
// plaintext.
type KeyUsage struct {
	KeyID                             uint32
	Cards, Methods, Contacts, Secrets int64 // Secrets are those of endpoints
	Factors                           int64
}

// Rows is the number of all rows.
func (u KeyUsage) Rows() int64 { return u.Cards + u.Methods + u.Contacts + u.Secrets + u.Factors }

// KeyUsage counts the encrypted rows by key.
func (s *Store) KeyUsage(ctx context.Context) ([]KeyUsage, error) {
	q := dbgen.New(s.pool)
	cards, err := q.CardsByKey(ctx)
	if err != nil {
		return nil, translate(err)
	}
	methods, err := q.TokensByKey(ctx)
	if err != nil {
		return nil, translate(err)
	}
	contacts, err := q.ContactsByKey(ctx)
	if err != nil {
		return nil, translate(err)
	}
	secrets, err := q.EndpointSecretsByKey(ctx)
	if err != nil {
		return nil, translate(err)
	}
	factors, err := q.FactorsByKey(ctx)
	if err != nil {
		return nil, translate(err)
	}
	var list []KeyUsage
	of := func(id int64) *KeyUsage {
		for i := range list {
			if list[i].KeyID == uint32(id) {
				return &list[i]
			}
		}
		list = append(list, KeyUsage{KeyID: uint32(id)})
		return &list[len(list)-1]
	}
	for _, row := range cards {
		of(row.KeyID).Cards = row.Rows
	}
	for _, row := range methods {
		of(row.KeyID).Methods = row.Rows
	}
	for _, row := range contacts {
		of(row.KeyID).Contacts = row.Rows
	}
	for _, row := range secrets {
		of(row.KeyID).Secrets = row.Rows
	}
	for _, row := range factors {
		of(row.KeyID).Factors = row.Rows
	}
	return list, nil
}
