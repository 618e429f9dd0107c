package ports

import (
	"errors"

	"github.com/online-cinema/billing/core/billing"
)

// Vault encrypts secrets, so that a store never holds their plaintext. A ciphertext
// can be decrypted only with the [Place] that it was encrypted for.
type Vault interface {
	// Encrypt encrypts text for a place.
	Encrypt(at Place, text []byte) (billing.Encrypted, error)
	// Decrypt returns the plaintext of a ciphertext for this place. The caller owns the
	// slice. Decrypt returns [ErrNotDecrypted] if it fails.
	Decrypt(at Place, s billing.Encrypted) ([]byte, error)
	// Fingerprints returns a keyed hash for each enabled key. The first one is stored; the
	// others find texts that were stored before the key was rotated. A hash is equal for
	// equal texts of one user and purpose.
	Fingerprints(p Purpose, user billing.UserID, text []byte) ([]billing.Fingerprint, error)
	// AcceptPlaintext reports a text that is stored as plaintext. It returns
	// [ErrNotDecrypted] if this is refused, because every text was encrypted before.
	AcceptPlaintext(at Place) error
	// PrimaryKeyID returns the id of the key that Encrypt uses now.
	PrimaryKeyID() uint32
	// Snapshot returns a vault with the current keys, for a batch. Unlike the vault
	// itself, it does not check the keys for changes on each call.
	Snapshot() Vault
}

// Digester computes keyed digests, like a [Vault].
type Digester interface {
	Fingerprints(p Purpose, user billing.UserID, text []byte) ([]billing.Fingerprint, error)
}

// Authenticator computes message authentication codes, with keys that the database
// does not have.
type Authenticator interface {
	// MAC returns the code of text for a place.
	MAC(at Place, text []byte) ([]byte, error)
	// VerifyMAC returns [ErrNotAuthentic] unless code is the code of text for this
	// place, with any enabled key.
	VerifyMAC(at Place, code, text []byte) error
	// MACKeyID returns the id of the key that MAC uses now. A code begins with the id of
	// its key, in four bytes, big endian.
	MACKeyID() uint32
}

// Purpose is the kind of an encrypted or authenticated text.
type Purpose string

// The kinds of encrypted and authenticated texts.
const (
	PurposeCardNumber Purpose = "pan"
	PurposeToken      Purpose = "token"
	PurposeRequest    Purpose = "request"         // the arguments of a request with an Idempotency-Key
	PurposeRequestKey Purpose = "idempotency key" // the Idempotency-Key itself

	PurposeFactor     Purpose = "second factor"     // the key of an authenticator app
	PurposeNewFactor  Purpose = "new second factor" // the same, before its first code
	PurposeSecondStep Purpose = "second step"       // a sign-in after its password
)

// Place is the field of a row that a ciphertext belongs to. Decryption fails after
// the ciphertext is moved to another place.
type Place struct {
	Purpose Purpose
	User    billing.UserID
	Row     string // id of the card, the payment method or the contact
}

// ErrNotDecrypted means that a ciphertext was changed, belongs to another place, or
// has a key that the vault lacks. It gives no more detail, because an attacker who
// tries ciphertexts must not learn from it.
var ErrNotDecrypted = errors.New("the ciphertext does not open here: it was changed or moved, or its key is gone")

// ErrNotAuthentic means that a text was changed, belongs to another place, or that the
// key of its code is gone.
var ErrNotAuthentic = errors.New("the authentication code does not match: the data was changed or moved, or its key is gone")

// ErrNoVault means that this installation stores no cards.
var ErrNoVault = billing.ErrUnavailable.WithMessage("this installation keeps no cards: it has no vault for their numbers")

// ContactPlace returns the place of a contact for receipts.
func ContactPlace(c billing.ReceiptContact) Place {
	return Place{PurposeContact, c.UserID, string(c.ID)}
}

// NumberPlace returns the place of a card's number.
func NumberPlace(c billing.Card) Place { return Place{PurposeCardNumber, c.UserID, string(c.ID)} }
