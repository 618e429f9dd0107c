package password_test

import (
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/password"
	"github.com/online-cinema/billing/core/billing"
)

func TestPasswords(t *testing.T) {
	t.Parallel()
	b := password.New()
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

// TestNobodyTakesAsLong: by the time that it takes nobody can tell whether there
// is such a person.
func TestNobodyTakesAsLong(t *testing.T) {
	t.Parallel()
	b := password.New()
	hash, err := b.Hash("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	best := func(h billing.Secret) time.Duration {
		shortest := time.Hour
		for range 3 {
			began := time.Now()
			b.Matches(h, "wrong horse battery")
			shortest = min(shortest, time.Since(began))
		}
		return shortest
	}
	somebody, nobody := best(hash), best(billing.Secret{})
	if nobody*2 < somebody || somebody*2 < nobody {
		t.Errorf("somebody takes %v, nobody %v", somebody, nobody)
	}
}
