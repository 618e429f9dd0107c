package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// contacts encrypts and decrypts contacts for receipts, with the keys of the tokens. A nil
// vault stores them in plaintext.
type contacts struct{ vault ports.Vault }

func (s contacts) encrypt(c billing.ReceiptContact) (billing.Encrypted, error) {
	if s.vault == nil {
		return billing.Encrypted{}, nil
	}
	return s.vault.Encrypt(ports.ContactPlace(c), []byte(c.Contact.Reveal()))
}

// contactOf converts a row. The contact is zero if it cannot be decrypted.
func (s contacts) contactOf(row *dbgen.ReceiptContact) billing.ReceiptContact {
	c := billing.ReceiptContact{ID: billing.ContactID(row.ID), UserID: billing.UserID(row.UserID)}
	if text, err := s.decrypt(row); err == nil {
		c.Contact = billing.Contact{Secret: billing.NewSecret(string(text))}
	}
	return c
}

func (s contacts) decrypt(row *dbgen.ReceiptContact) ([]byte, error) {
	return decryptText(s.vault, contactPlace(row), row.Contact, encryptedOf(row.ContactCt, row.ContactKeyID))
}

// decryptText returns the text of a row that has it either as plaintext or encrypted. Without
// a vault it returns plaintext only.
func decryptText(v ports.Vault, at ports.Place, plaintext pgtype.Text, encrypted billing.Encrypted) ([]byte, error) {
	switch {
	case v == nil && plaintext.Valid:
		return []byte(plaintext.String), nil
	case v == nil:
		return nil, ports.ErrNotDecrypted
	case plaintext.Valid:
		return []byte(plaintext.String), v.AcceptPlaintext(at)
	default:
		return v.Decrypt(at, encrypted)
	}
}

func contactPlace(row *dbgen.ReceiptContact) ports.Place {
	return ports.ContactPlace(billing.ReceiptContact{ID: billing.ContactID(row.ID), UserID: billing.UserID(row.UserID)})
}

// contacts encrypts the contacts for receipts.
func (r *Rewrap) contacts(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	if r.store.vault == nil {
		return 0, nil
	}
	rows, err := q.ContactsToReencrypt(ctx, dbgen.ContactsToReencryptParams{
		KeyID: int64(r.store.vault.PrimaryKeyID()), AfterUser: r.contact.user, AfterID: r.contact.id, Take: int32(limit),
	})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		r.contact = cursor{row.UserID, row.ID}
		if err := r.record("receipt contact", row.ID, r.rewrapContact(ctx, q, row)); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (r *Rewrap) rewrapContact(ctx context.Context, q *dbgen.Queries, row *dbgen.ReceiptContact) error {
	fresh, err := r.encryptText(contactPlace(row), row.Contact, encryptedOf(row.ContactCt, row.ContactKeyID))
	if err != nil {
		return err
	}
	n, err := q.ContactReencrypt(ctx, dbgen.ContactReencryptParams{
		UserID: row.UserID, ID: row.ID, ContactCt: fresh.Ciphertext, ContactKeyID: keyID(fresh),
	})
	return oneRow(n, err)
}

// encryptText encrypts a text again that is stored either in plaintext or encrypted.
func (r *Rewrap) encryptText(at ports.Place, plaintext pgtype.Text, old billing.Encrypted) (billing.Encrypted, error) {
	v := r.store.vault
	switch {
	case !plaintext.Valid:
		return reencrypt(v, at, old)
	case r.RefusePlaintext:
		return billing.Encrypted{}, ports.ErrNotDecrypted
	}
	fresh, err := v.Encrypt(at, []byte(plaintext.String))
	if err != nil {
		return fresh, err
	}
	return fresh, verify(v, at, fresh, []byte(plaintext.String))
}
