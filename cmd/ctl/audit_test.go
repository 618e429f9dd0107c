package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestVault_IsAudited(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	s.run(t, boot.OK, "vault", "keygen")
	s.addPlaintextTokens(t, 2)
	for _, args := range []string{
		"rewrap", "status", "rotate --prepare", "rotate", "rewrap", "rewrap",
		"rotate --disable-old", "rotate --disable-old", "rotate --enable-old",
	} {
		s.run(t, boot.OK, append([]string{"vault"}, strings.Fields(args)...)...)
	}
	s.rekey(t)
	s.run(t, boot.Failed, "vault", "keygen") // the files exist, so nothing is changed
	got := query(t, s.url(), "SELECT action || ' ' || (after - 'keys' - 'kek')::text FROM panel_audit WHERE object = '"+s.file(1)+"' ORDER BY id")
	want := []string{
		"vault.keygen {}", `vault.rewrap {"rows": "2"}`, `vault.enforce {"rule": "tokens"}`, `vault.enforce {"rule": "consents"}`, "vault.prepare {}", "vault.rotate {}", `vault.rewrap {"rows": "2"}`,
		"vault.disable_old {}", "vault.enable_old {}", "vault.new_kek {}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

// A change whose audit entry cannot be stored is not made.
func TestRotate_FailsWithoutAudit(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	s.run(t, boot.OK, "vault", "keygen")
	before, err := os.ReadFile(s.file(1))
	if err != nil {
		t.Fatal(err)
	}
	exec(t, s.url(), "ALTER TABLE panel_audit ADD CHECK (action <> 'vault.rotate')")
	s.run(t, boot.Failed, "vault", "rotate")
	if after, err := os.ReadFile(s.file(1)); err != nil || string(after) != string(before) {
		t.Errorf("the keyset was changed, %v", err)
	}
}

func TestKeys_WithoutDatabaseWarnAboutTheAudit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := cli{[]string{"BILLING_VAULT_KEYSET_FILE=" + filepath.Join(dir, "keyset"), "BILLING_VAULT_KEK_FILE=" + filepath.Join(dir, "kek")}}
	for _, command := range []string{"keygen", "rotate"} {
		if _, stderr := s.run(t, boot.OK, "vault", command); !strings.Contains(stderr, "warning: this change is not in the audit: BILLING_DATABASE_URL is not set") {
			t.Errorf("vault %s: stderr is %q", command, stderr)
		}
	}
}

func TestClock_IsAudited(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.environ = append(s.environ, "BILLING_ENV=test")
	s.run(t, boot.OK, "clock", "set", "2028-02-29T12:00:00Z")
	s.run(t, boot.OK, "clock", "advance", "31d")
	s.run(t, boot.OK, "clock", "show")
	s.run(t, boot.OK, "clock", "release")
	got := query(t, s.url(), "SELECT action || ' ' || coalesce(after ->> 'time', '') FROM panel_audit WHERE object = 'test clock' ORDER BY id")
	want := []string{"clock.set 2028-02-29T12:00:00Z", "clock.advance 2028-03-31T12:00:00Z", "clock.release "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestRotate_SaysWhatComesNext(t *testing.T) {
	t.Parallel()
	kek := filepath.Join(t.TempDir(), "kek")
	for args, want := range map[string]string{
		"":                 "Next: billingctl vault rewrap",
		"--prepare":        "then run billingctl vault rotate.",
		"--new-kek " + kek: "Next: set BILLING_VAULT_KEK_FILE=" + kek,
	} {
		vault := withVaultFiles(t)
		vault.run(t, boot.OK, "vault", "keygen")
		if out, _ := vault.run(t, boot.OK, append([]string{"vault", "rotate"}, strings.Fields(args)...)...); !strings.Contains(out, want) {
			t.Errorf("rotate %s prints %q, want %q in it", args, out, want)
		}
	}
}
