package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/ports"
)

// The keyset of second factors is created, rotated and emptied like the others, and the
// host of the panel needs no other one.
func TestVault_PanelKeyset(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), twoPayments) // with a token that another host encrypts
	dir := t.TempDir()
	files := vault.Files{Keyset: filepath.Join(dir, "panel.json"), KEK: filepath.Join(dir, "panel.kek")}
	s.environ = append(s.environ, "BILLING_PANEL_KEYSET_FILE="+files.Keyset)
	if _, stderr := s.run(t, boot.Misused, "vault", "keygen"); !strings.Contains(stderr, "BILLING_PANEL_KEK_FILE") {
		t.Errorf("keygen without a KEK: %q", stderr)
	}
	s.environ = append(s.environ, "BILLING_PANEL_KEK_FILE="+files.KEK)
	var made keygenJSON
	s.json(t, boot.OK, &made, "vault", "keygen")
	if made.Keyset != "" || made.Panel == nil || made.Panel.Keyset != files.Keyset || made.Panel.KEK != files.KEK {
		t.Fatalf("keygen printed %+v", made)
	}
	before, err := os.ReadFile(files.Keyset)
	if err != nil {
		t.Fatal(err)
	}
	s.run(t, boot.Failed, "vault", "keygen")
	s.run(t, boot.OK, "vault", "keygen", "--if-missing")
	if after, err := os.ReadFile(files.Keyset); err != nil || !bytes.Equal(before, after) {
		t.Errorf("keygen --if-missing changed the keyset: %v", err)
	}

	s.runInput(t, 0, "correct horse battery\n", "admin-user", "add", "anna", "--role", "editor")
	s.addFactor(t, files, "anna")
	var rotated rotatedJSON
	s.json(t, boot.OK, &rotated, "vault", "rotate")
	if len(rotated.Keys) != 2 || rotated.Keys[0].Keyset != panelKeyset || !rotated.Keys[1].Primary {
		t.Fatalf("rotated: %+v", rotated)
	}
	if _, stderr := s.run(t, boot.Failed, "vault", "rotate", "--disable-old"); !strings.Contains(stderr, "1 rows are encrypted with key") {
		t.Errorf("--disable-old before rewrap: %q", stderr)
	}
	var rewrapped rewrappedJSON
	s.json(t, boot.OK, &rewrapped, "vault", "rewrap")
	if rewrapped.Reencrypted != 1 || rewrapped.Left != 0 || len(rewrapped.Broken) != 0 {
		t.Errorf("rewrap: %+v", rewrapped)
	}
	s.json(t, boot.OK, &rotated, "vault", "rotate", "--disable-old")
	var status vaultStatusJSON
	s.json(t, boot.OK, &status, "vault", "status")
	want := vaultStatusJSON{Keys: []keyJSON{
		{ID: rotated.Keys[0].ID, Keyset: panelKeyset, Known: true},
		{ID: rotated.Keys[1].ID, Keyset: panelKeyset, Primary: true, Enabled: true, Known: true, Factors: 1},
	}}
	if diff := cmp.Diff(want, status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}

	s.run(t, boot.OK, "vault", "rotate", "--new-panel-kek", files.KEK+".new")
	if err := os.Rename(files.KEK+".new", files.KEK); err != nil {
		t.Fatal(err)
	}
	s.run(t, boot.OK, "vault", "status")

	var list []adminUserJSON
	s.json(t, 0, &list, "admin-user", "list")
	if len(list) != 1 || !list[0].SecondFactor {
		t.Errorf("users: %+v", list)
	}
	s.run(t, boot.OK, "admin-user", "totp-reset", "anna")
	s.json(t, 0, &list, "admin-user", "list")
	if list[0].SecondFactor {
		t.Error("the second factor is on after a reset")
	}
	if _, stderr := s.run(t, boot.Failed, "admin-user", "totp-reset", "nobody"); !strings.Contains(stderr, "no panel user nobody") {
		t.Errorf("reset of an unknown user: %q", stderr)
	}
}

// Without the panel's keyset, its rows are none that rewrap waits for.
func TestVault_IgnoresFactorsOfOtherHosts(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	s.run(t, boot.OK, "vault", "keygen")
	s.runInput(t, 0, "correct horse battery\n", "admin-user", "add", "anna", "--role", "editor")
	exec(t, s.url(), "UPDATE panel_users SET totp_key_ct = '\\x01', totp_key_id = 77, totp_since = now()")
	var rewrapped rewrappedJSON
	s.json(t, boot.OK, &rewrapped, "vault", "rewrap")
	var status vaultStatusJSON
	s.json(t, boot.OK, &status, "vault", "status")
	if rewrapped.Left != 0 || status.Left != 0 || len(status.Keys) != 1 {
		t.Errorf("rewrap %+v, status %+v", rewrapped, status)
	}
}

// addFactor gives a user a second factor that is encrypted with the keys of the files.
func (s cli) addFactor(t *testing.T, files vault.Files, name string) {
	t.Helper()
	keys, err := vault.Open(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := query(t, s.url(), "SELECT id::text FROM panel_users WHERE name = '"+name+"'")[0]
	c, err := keys.Encrypt(ports.FactorPlace(id), []byte("12345678901234567890"))
	if err != nil {
		t.Fatal(err)
	}
	exec(t, s.url(), "UPDATE panel_users SET totp_key_ct = $2, totp_key_id = $3, totp_since = now() WHERE id = $1", id, c.Ciphertext, int64(c.KeyID))
}
