package boot_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/ports"
)

// tokenKeys creates a keyset for tokens and returns the variables that name it.
func tokenKeys(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	f := vault.Files{Keyset: filepath.Join(dir, "tokens.json"), KEK: filepath.Join(dir, "tokens.kek")}
	if err := vault.Create(f, time.Now()); err != nil {
		t.Fatal(err)
	}
	return []string{"BILLING_TOKEN_KEYSET_FILE=" + f.Keyset, "BILLING_TOKEN_KEK_FILE=" + f.KEK}
}

func openKeys(t *testing.T, changes ...string) (k boot.Keys, log string) {
	t.Helper()
	cfg, err := boot.Load[boot.Renew](environ(t, changes...))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if k, err = cfg.OpenKeys(cfg.Env, slog.New(slog.NewTextHandler(&out, nil))); err != nil {
		t.Fatal(err)
	}
	return k, out.String()
}

// The renewal host starts with the keyset of tokens alone, and cannot decrypt card
// numbers with it.
func TestOpenKeys_RenewNeedsNoCardKeyset(t *testing.T) {
	t.Parallel()
	withCards, _ := openKeys(t)
	number := ports.Place{Purpose: ports.PurposeCardNumber, User: "u", Row: "c"}
	sealed, err := withCards.Cards.Encrypt(number, []byte("4242424242424242"))
	if err != nil {
		t.Fatal(err)
	}
	k, log := openKeys(t, append(tokenKeys(t), "BILLING_VAULT_KEYSET_FILE=", "BILLING_VAULT_KEK_FILE=")...)
	if k.Cards != nil || k.Tokens == nil || k.Check() != nil || log != "" {
		t.Errorf("keys %+v, log %q; want the keyset of tokens alone and no warning", k, log)
	}
	if text, err := k.Tokens.Decrypt(number, sealed); err == nil {
		t.Errorf("the keyset of tokens decrypted a card number: %d bytes", len(text))
	}
}

func TestOpenKeys_Warnings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		changes []string
		want    string
	}{
		"one keyset for all": {nil, "BILLING_TOKEN_KEYSET_FILE is not set: payment tokens share the keyset of card numbers"},
		"two keysets":        {tokenKeys(t), ""},
		"none in dev":        {[]string{"BILLING_ENV=dev", "BILLING_VAULT_KEYSET_FILE="}, "BILLING_VAULT_KEYSET_FILE is not set: cards cannot be stored"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, log := openKeys(t, c.changes...); !strings.Contains(log, c.want) || (c.want == "") != (log == "") {
				t.Errorf("log %q, want %q in it", log, c.want)
			}
		})
	}
}

func TestLoad_RenewNeedsOneKeyset(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		changes []string
		want    string
	}{
		"none":             {[]string{"BILLING_VAULT_KEYSET_FILE=", "BILLING_VAULT_KEK_FILE="}, "BILLING_TOKEN_KEYSET_FILE is not set"},
		"no KEK":           {[]string{"BILLING_VAULT_KEYSET_FILE=", "BILLING_VAULT_KEK_FILE=", tokenKeys(t)[0]}, "BILLING_TOKEN_KEK_FILE is not set"},
		"plaintext keyset": {[]string{"BILLING_TOKEN_KEYSET_FILE=" + plaintextKeys.Keyset}, "BILLING_TOKEN_KEYSET_FILE="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := boot.Load[boot.Renew](environ(t, c.changes...))
			if got := faults(t, err); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("faults %q, want one: %q", got, c.want)
			}
		})
	}
}

// With one KEK for both keysets, BILLING_VAULT_KEK_FILE is enough.
func TestOpenKeys_TokenKEKDefaultsToVaultKEK(t *testing.T) {
	t.Parallel()
	f := vault.Files{Keyset: filepath.Join(t.TempDir(), "tokens.json"), KEK: keys.KEK}
	if err := vault.Create(f, time.Now()); err != nil {
		t.Fatal(err)
	}
	if k, _ := openKeys(t, "BILLING_TOKEN_KEYSET_FILE="+f.Keyset); k.Cards == nil || k.Tokens == nil || k.Check() != nil {
		t.Errorf("keys %+v, want both keysets", k)
	}
}

// The age that the alert watches is that of the oldest key.
func TestKeys_KeySinceIsTheOldest(t *testing.T) {
	t.Parallel()
	open := func(since time.Time) *vault.Vault {
		f := vault.Files{Keyset: filepath.Join(t.TempDir(), "keyset.json"), AllowPlaintext: true}
		if err := vault.Create(f, since); err != nil {
			t.Fatal(err)
		}
		v, err := vault.Open(f, nil)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	first, second := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for name, k := range map[string]boot.Keys{
		"cards":  {Cards: open(first), Tokens: open(second)},
		"tokens": {Cards: open(second), Tokens: open(first)},
	} {
		if got := k.KeySince(); !got.Equal(first) {
			t.Errorf("the key of %s is the oldest: KeySince = %v, want %v", name, got, first)
		}
	}
}
