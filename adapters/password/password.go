// Package password hashes the passwords of people with bcrypt.
package password

import (
	"golang.org/x/crypto/bcrypt"

	"github.com/online-cinema/billing/core/billing"
)

// cost makes one look at a password take about a quarter of a second.
const cost = 12

// nobodys is the hash that stands in for one that does not exist, so that
// nobody can tell by the time whether a person does.
const nobodys = "$2a$12$4uW0EvE61.0cl7KNzukTDOmhoQkZ31XCaMrXUv/ddK90fdi4Ig9y."

// Bcrypt is an [ports.Passwords]. It looks at no more than so many passwords at
// once, so that nobody can keep all processors busy by guessing.
type Bcrypt struct{ turns chan struct{} }

// New returns a Bcrypt.
func New() *Bcrypt { return &Bcrypt{make(chan struct{}, 2)} }

// Hash returns the hash of a password of at most 72 bytes.
func (b *Bcrypt) Hash(password string) (billing.Secret, error) {
	b.turns <- struct{}{}
	defer func() { <-b.turns }()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	return billing.NewSecret(string(hash)), err
}

// Matches reports whether the hash is the password's. No hash matches nothing,
// in the same time.
func (b *Bcrypt) Matches(hash billing.Secret, password string) bool {
	b.turns <- struct{}{}
	defer func() { <-b.turns }()
	matches := bcrypt.CompareHashAndPassword(against(hash), []byte(password)) == nil
	return matches && !hash.IsZero()
}

// against is what a password is compared with: always a hash of the same cost.
func against(hash billing.Secret) []byte {
	if hash.IsZero() {
		return []byte(nobodys)
	}
	return []byte(hash.Reveal())
}
