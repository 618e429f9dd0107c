package password

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/online-cinema/billing/core/billing"
)

func TestBcrypt(t *testing.T) {
	t.Parallel()
	b := New()
	hash, err := b.Hash("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash.Reveal(), "$2a$12$") {
		t.Errorf("hash %.8s…, want bcrypt of cost 12", hash.Reveal())
	}
	if !b.Matches(hash, "correct horse battery") || b.Matches(hash, "wrong horse battery") || b.Matches(hash, "") {
		t.Error("Matches is wrong for the right password, a wrong one or none")
	}
	if b.Matches(billing.Secret{}, "") || b.Matches(billing.Secret{}, "x") {
		t.Error("a zero hash matches a password")
	}
	if _, err := b.Hash(strings.Repeat("x", 73)); err == nil {
		t.Error("Hash of 73 bytes = nil error: the password was truncated")
	}
}

// The response time must not show whether a user exists, so both hashes have the same
// cost.
func TestHashOrDummy_SameCost(t *testing.T) {
	t.Parallel()
	hash, err := New().Hash("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]billing.Secret{"known user": hash, "unknown user": {}} {
		if got, err := bcrypt.Cost(hashOrDummy(h)); err != nil || got != cost {
			t.Errorf("%s: the cost is %d, %v, want %d", name, got, err, cost)
		}
	}
}
