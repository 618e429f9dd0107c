package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// tokens encrypts and decrypts the tokens of payment methods. A nil vault stores
// them in plaintext.
type tokens struct{ vault ports.Vault }

// storedToken is a token in the columns of its row.
type storedToken struct {
	plaintext   pgtype.Text // only without a vault
	ciphertext  []byte
	keyID       pgtype.Int8
	fingerprint []byte
}

// snapshot returns tokens with the current keys, for a batch: see [ports.Vault].
func (t tokens) snapshot() tokens {
	if t.vault == nil {
		return t
	}
	return tokens{t.vault.Snapshot()}
}

func (t tokens) encrypt(m billing.PaymentMethod) (storedToken, error) {
	token := m.Token.Reveal()
	switch {
	case token == "": // a method of a card or a page that was not charged yet
		return storedToken{}, nil
	case t.vault == nil:
		return storedToken{plaintext: text(token)}, nil
	}
	encrypted, err := t.vault.Encrypt(tokenPlace(m), []byte(token))
	if err != nil {
		return storedToken{}, err
	}
	list, err := t.fingerprints(m.UserID, m.Token)
	if err != nil {
		return storedToken{}, err
	}
	return storedToken{ciphertext: encrypted.Ciphertext, keyID: keyID(encrypted), fingerprint: list[0][:]}, nil
}

// fingerprints returns the fingerprints by which a viewer's token is found, one for
// each key, or none without a vault.
func (t tokens) fingerprints(user billing.UserID, token billing.Secret) ([]billing.Fingerprint, error) {
	if t.vault == nil {
		return nil, nil
	}
	return t.vault.Fingerprints(ports.PurposeToken, user, []byte(token.Reveal()))
}

// methodOf converts a row. If the token cannot be decrypted, the method is marked
// Unreadable and has no token, so that the rest of a batch can go on.
func (t tokens) methodOf(row *dbgen.PaymentMethod) billing.PaymentMethod {
	m := billing.PaymentMethod{
		ID: billing.PaymentMethodID(row.ID), UserID: billing.UserID(row.UserID), PaymentSystem: row.PaymentSystem,
		CardID: idOrEmpty[billing.CardID](row.CardID), FromPage: row.FromPage, CreatedAt: row.CreatedAt, RemovedAt: row.RemovedAt,
	}
	token, err := t.decrypt(row)
	if err == nil && token != "" {
		m.Token = billing.NewSecret(token)
	}
	m.Unreadable = err != nil
	return m
}

func (t tokens) decrypt(row *dbgen.PaymentMethod) (string, error) {
	switch {
	case row.Token.Valid:
		return row.Token.String, t.acceptPlaintext(row)
	case row.TokenCt == nil:
		return "", nil
	case t.vault == nil:
		return "", fmt.Errorf("decrypt token of payment method %s: the store has no vault", row.ID)
	}
	token, err := t.vault.Decrypt(
		tokenPlace(billing.PaymentMethod{ID: billing.PaymentMethodID(row.ID), UserID: billing.UserID(row.UserID)}),
		encryptedOf(row.TokenCt, row.TokenKeyID))
	return string(token), err
}

// acceptPlaintext returns an error if the row's token is plaintext although a vault
// has encrypted all of them.
func (t tokens) acceptPlaintext(row *dbgen.PaymentMethod) error {
	if t.vault == nil {
		return nil
	}
	return t.vault.AcceptPlaintext(tokenPlace(billing.PaymentMethod{ID: billing.PaymentMethodID(row.ID), UserID: billing.UserID(row.UserID)}))
}

func tokenPlace(m billing.PaymentMethod) ports.Place {
	return ports.Place{Purpose: ports.PurposeToken, User: m.UserID, Row: string(m.ID)}
}

func keyID(s billing.Encrypted) pgtype.Int8 {
	return pgtype.Int8{Int64: int64(s.KeyID), Valid: s.Ciphertext != nil}
}

func encryptedOf(ciphertext []byte, keyID pgtype.Int8) billing.Encrypted {
	return billing.Encrypted{Ciphertext: ciphertext, KeyID: uint32(keyID.Int64)}
}
