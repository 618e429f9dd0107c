package password

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/online-cinema/billing/core/billing"
)

func TestPasswords(t *testing.T) {
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
		t.Error("it mistakes passwords")
	}
	if b.Matches(billing.Secret{}, "") || b.Matches(billing.Secret{}, "x") {
		t.Error("no hash matches")
	}
	if _, err := b.Hash(strings.Repeat("x", 73)); err == nil {
		t.Error("a password is cut")
	}
}

// Nobody can tell by the time whether there is such a person: a password is
// compared with a hash of the same cost either way.
func TestNobodyCostsAsMuch(t *testing.T) {
	t.Parallel()
	hash, err := New().Hash("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	for who, h := range map[string]billing.Secret{"somebody": hash, "nobody": {}} {
		if got, err := bcrypt.Cost(against(h)); err != nil || got != cost {
			t.Errorf("%s costs %d, %v, want %d", who, got, err, cost)
		}
	}
}
