package ports

import (
	"errors"

	"github.com/online-cinema/billing/core/billing"
)

// Vault seals secrets so that a store never holds them in the clear. What is
// sealed for one place opens at no other.
type Vault interface {
	// Encrypt seals text for a place.
	Encrypt(at Place, text []byte) (billing.Encrypted, error)
	// Decrypt returns what was sealed for this place, in memory of the caller's own.
	// [ErrSealBroken] when it does not open.
	Decrypt(at Place, s billing.Encrypted) ([]byte, error)
	// Fingerprint tells whether two texts of one user and purpose are the same.
	Fingerprint(p Purpose, user billing.UserID, text []byte) (billing.Fingerprint, error)
	// PrimaryKeyID is the id of the key that Seal uses now.
	PrimaryKeyID() uint32
	// Snapshot is the vault with the keys as they are now, for a batch: it does not
	// look each time whether they have changed.
	Snapshot() Vault
}

// Purpose is what a sealed text is.
type Purpose string

// What is sealed.
const (
	PurposeCardNumber Purpose = "pan"
	PurposeToken      Purpose = "token"
)

// Place is where a sealed text belongs: moved anywhere else, it does not open.
type Place struct {
	Purpose Purpose
	User    billing.UserID
	Row     string // id of the card or payment method
}

// ErrNotDecrypted says that a ciphertext does not open: it was changed, it belongs
// to another row, or its key is not there. It never says more, because whoever
// tries ciphertexts out must not learn from it.
var ErrNotDecrypted = errors.New("the ciphertext does not open here: it was changed or moved, or its key is gone")

// ErrNoVault says that this installation keeps no cards.
var ErrNoVault = billing.ErrUnavailable.WithMessage("this installation keeps no cards: it has no vault for their numbers")

// numberPlace is where a card's number belongs.
func NumberPlace(c billing.Card) Place { return Place{PurposeCardNumber, c.UserID, string(c.ID)} }
