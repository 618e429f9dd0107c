// Package password hashes the passwords of panel users with bcrypt.
package password

import (
	"golang.org/x/crypto/bcrypt"

	"github.com/online-cinema/billing/core/billing"
)

// cost makes one hash take about a quarter of a second.
const cost = 12

// dummyHash is compared for unknown users, so that the response time does not show
// whether a user exists.
const dummyHash = "$2a$12$4uW0EvE61.0cl7KNzukTDOmhoQkZ31XCaMrXUv/ddK90fdi4Ig9y."

// Bcrypt implements [ports.Passwords]. It limits concurrent hashes, so that guessing
// passwords cannot keep all processors busy.
type Bcrypt struct{ slots chan struct{} }

// New returns a Bcrypt that computes at most two hashes at once.
func New() *Bcrypt { return &Bcrypt{make(chan struct{}, 2)} }

// Hash returns the hash of a password of at most 72 bytes.
func (b *Bcrypt) Hash(password string) (billing.Secret, error) {
	b.slots <- struct{}{}
	defer func() { <-b.slots }()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	return billing.NewSecret(string(hash)), err
}

// Matches reports whether hash is the hash of password. A zero hash matches no
// password, and takes the same time.
func (b *Bcrypt) Matches(hash billing.Secret, password string) bool {
	b.slots <- struct{}{}
	defer func() { <-b.slots }()
	matches := bcrypt.CompareHashAndPassword(hashOrDummy(hash), []byte(password)) == nil
	return matches && !hash.IsZero()
}

// hashOrDummy returns hash, or a hash of the same cost if it is zero.
func hashOrDummy(hash billing.Secret) []byte {
	if hash.IsZero() {
		return []byte(dummyHash)
	}
	return []byte(hash.Reveal())
}
