package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// withVaultFiles returns a cli with a new database and paths for the vault's files.
func withVaultFiles(t *testing.T) cli {
	t.Helper()
	s := withDatabase(t)
	dir := t.TempDir()
	s.environ = append(s.environ,
		"BILLING_VAULT_KEYSET_FILE="+filepath.Join(dir, "keyset.json"), "BILLING_VAULT_KEK_FILE="+filepath.Join(dir, "kek"))
	return s
}

// file returns the path in variable i of the environment.
func (s cli) file(i int) string {
	_, path, _ := strings.Cut(s.environ[i], "=")
	return path
}

const tokenOwner = "00000000-0000-7000-8000-00000000000a"

// addPlaintextTokens adds payment methods with plaintext tokens.
func (s cli) addPlaintextTokens(t *testing.T, n int) {
	t.Helper()
	exec(t, s.url(), "INSERT INTO users VALUES ($1, now(), now())", tokenOwner)
	exec(t, s.url(), "INSERT INTO payment_systems VALUES ('s', 'S', now())")
	for i := range n {
		exec(t, s.url(), "INSERT INTO payment_methods (user_id, id, payment_system, token, created_at) VALUES ($1, $2, 's', $3, now())",
			tokenOwner, fmt.Sprintf("00000000-0000-7000-9000-%012d", i), fmt.Sprintf("tok_%d", i))
	}
}

func TestVault_Lifecycle(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	var made keygenJSON
	s.json(t, boot.OK, &made, "vault", "keygen")
	if made.Keyset != s.file(1) || made.KEK != s.file(2) || made.KeyID == 0 {
		t.Errorf("keygen printed %+v", made)
	}
	if _, stderr := s.run(t, boot.Failed, "vault", "keygen"); !strings.Contains(stderr, "not overwritten") {
		t.Errorf("second keygen: %q", stderr)
	}

	const rows = 5
	s.addPlaintextTokens(t, rows)
	status := func(want vaultStatusJSON) {
		t.Helper()
		var got vaultStatusJSON
		s.json(t, boot.OK, &got, "vault", "status")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
	}
	first := keyJSON{ID: made.KeyID, Primary: true, Enabled: true, Known: true}
	status(vaultStatusJSON{Keys: []keyJSON{first}, PlaintextTokens: rows, Left: rows})

	rewrap := func(encrypted int, left int64) {
		t.Helper()
		var got rewrappedJSON
		s.json(t, boot.OK, &got, "vault", "rewrap", "--batch", "2")
		if got.Reencrypted != encrypted || got.Left != left || len(got.Broken) > 0 {
			t.Errorf("rewrap: %+v", got)
		}
	}
	rewrap(rows, 0)
	first.PaymentMethods = rows
	enforced := []string{vault.RuleTokens, vault.RuleConsents}
	status(vaultStatusJSON{Keys: []keyJSON{first}, Enforced: enforced})

	var rotated rotatedJSON
	s.json(t, boot.OK, &rotated, "vault", "rotate")
	if len(rotated.Keys) != 2 || rotated.Keys[0].Primary || !rotated.Keys[1].Primary {
		t.Fatalf("rotated: %+v", rotated)
	}
	first.Primary = false
	second := keyJSON{ID: rotated.Keys[1].ID, Primary: true, Enabled: true, Known: true}
	status(vaultStatusJSON{Keys: []keyJSON{first, second}, Left: rows, Enforced: enforced})
	if _, stderr := s.run(t, boot.Failed, "vault", "rotate", "--disable-old"); !strings.Contains(stderr, "5 rows are encrypted with key") {
		t.Errorf("--disable-old before rewrap: %q", stderr)
	}
	rewrap(rows, 0)
	s.json(t, boot.OK, &rotated, "vault", "rotate", "--disable-old")
	first.PaymentMethods, first.Enabled, second.PaymentMethods = 0, false, rows
	status(vaultStatusJSON{Keys: []keyJSON{first, second}, Enforced: enforced})
	s.json(t, boot.OK, &rotated, "vault", "rotate", "--enable-old")
	if !rotated.Keys[0].Enabled || rotated.Keys[0].Primary || !rotated.Keys[1].Primary {
		t.Errorf("enabled: %+v", rotated)
	}
	s.rekey(t)
	s.json(t, boot.OK, &rotated, "vault", "rotate", "--prepare")
	if len(rotated.Keys) != 3 || rotated.Keys[2].Primary {
		t.Errorf("prepared: %+v", rotated)
	}
}

// rekey encrypts the keyset with a new KEK and puts that in place of the old one.
func (s cli) rekey(t *testing.T) {
	t.Helper()
	kek := s.file(2) + ".new"
	s.run(t, boot.OK, "vault", "rotate", "--new-kek", kek)
	if _, stderr := s.run(t, boot.Failed, "vault", "status"); !strings.Contains(stderr, "names another key") {
		t.Errorf("with the old KEK: %q", stderr)
	}
	if err := os.Rename(kek, s.file(2)); err != nil {
		t.Fatal(err)
	}
	s.run(t, boot.OK, "vault", "status")
}

// The steps of the handbook: from one keyset for all to a keyset for tokens.
func TestVault_MovesTokensToTheirOwnKeyset(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	var made keygenJSON
	s.json(t, boot.OK, &made, "vault", "keygen")
	const rows = 3
	s.addPlaintextTokens(t, rows)
	s.run(t, boot.OK, "vault", "rewrap")

	dir := t.TempDir()
	s.environ = append(s.environ,
		"BILLING_TOKEN_KEYSET_FILE="+filepath.Join(dir, "tokens.json"), "BILLING_TOKEN_KEK_FILE="+filepath.Join(dir, "tokens.kek"))
	var second keygenJSON
	s.json(t, boot.OK, &second, "vault", "keygen")
	if second.Keyset != "" || second.Tokens == nil || second.Tokens.Keyset != s.file(3) || second.Tokens.KEK != s.file(4) {
		t.Fatalf("keygen printed %+v, want the keyset of tokens alone", second)
	}
	cards := keyJSON{ID: made.KeyID, Keyset: "cards", Primary: true, Enabled: true, Known: true, PaymentMethods: rows}
	tokens := keyJSON{ID: second.Tokens.KeyID, Keyset: "tokens", Primary: true, Enabled: true, Known: true}
	s.wantStatus(t, vaultStatusJSON{Keys: []keyJSON{cards, tokens}, Left: rows})
	s.wantTokens(t, rows, boot.Vault{KeysetFile: s.file(1), KEKFile: s.file(2), TokenKeysetFile: s.file(3), TokenKEKFile: s.file(4)})
	s.wantTokens(t, 0, boot.Vault{TokenKeysetFile: s.file(3), TokenKEKFile: s.file(4)})

	s.run(t, boot.OK, "vault", "rewrap")
	cards.PaymentMethods, tokens.PaymentMethods = 0, rows
	s.wantStatus(t, vaultStatusJSON{Keys: []keyJSON{cards, tokens}, Enforced: []string{vault.RuleTokens, vault.RuleConsents}})
	s.wantTokens(t, rows, boot.Vault{TokenKeysetFile: s.file(3), TokenKEKFile: s.file(4)})

	var rotated rotatedJSON
	s.json(t, boot.OK, &rotated, "vault", "rotate")
	if len(rotated.Keys) != 4 {
		t.Errorf("rotate changed %+v, want both keysets", rotated.Keys)
	}
	s.run(t, boot.OK, "vault", "rewrap")
	s.run(t, boot.OK, "vault", "rotate", "--disable-old")
	s.wantTokens(t, rows, boot.Vault{TokenKeysetFile: s.file(3), TokenKEKFile: s.file(4)})
}

// A stored digest of an Idempotency-Key cannot be computed again, because its key is not
// stored. So a replaced digest key stays for as long as the digests do.
func TestVault_KeepsDigestKeysForRequests(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	dir := t.TempDir()
	s.environ = append(s.environ,
		"BILLING_TOKEN_KEYSET_FILE="+filepath.Join(dir, "tokens.json"), "BILLING_TOKEN_KEK_FILE="+filepath.Join(dir, "tokens.kek"))
	s.run(t, boot.OK, "vault", "keygen")
	files := boot.Vault{TokenKeysetFile: s.file(3), TokenKEKFile: s.file(4)}.TokenFiles(boot.Production)
	for _, c := range []struct {
		days, left int
	}{{0, 1}, {30, 2}, {32, 0}} {
		if err := files.Rotate(time.Now().AddDate(0, 0, -c.days)); err != nil {
			t.Fatal(err)
		}
		_, stderr := s.run(t, boot.OK, "vault", "rotate", "--disable-old")
		ids, _, err := files.OldDigestKeys()
		if err != nil || len(ids) != c.left || strings.Contains(stderr, "stay enabled until") != (c.left > 0) {
			t.Errorf("%d days after the rotation: old digest keys %v, %v, stderr %q; want %d", c.days, ids, err, stderr, c.left)
		}
	}
}

func (s cli) wantStatus(t *testing.T, want vaultStatusJSON) {
	t.Helper()
	var got vaultStatusJSON
	s.json(t, boot.OK, &got, "vault", "status")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// wantTokens fails the test unless a program with these keysets can read n tokens.
func (s cli) wantTokens(t *testing.T, n int, files boot.Vault) {
	t.Helper()
	keys, err := files.OpenKeys(boot.Production, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.OpenRole(t.Context(), s.url(), operatorRole)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	readable := 0
	err = boot.NewStore(pool, keys).InTx(t.Context(), func(tx ports.Repos) error {
		for i := range 3 {
			m, err := tx.Methods.Find(t.Context(), tokenOwner, billing.PaymentMethodID(fmt.Sprintf("00000000-0000-7000-9000-%012d", i)))
			if err != nil {
				return err
			}
			if m.Token.Reveal() == fmt.Sprintf("tok_%d", i) {
				readable++
			}
		}
		return nil
	})
	if err != nil || readable != n {
		t.Errorf("%d tokens are readable, want %d; %v", readable, n, err)
	}
}

// Each keyset has its own KEK, which is replaced alone.
func TestRotate_NewKEKOfTokens(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	dir := t.TempDir()
	s.environ = append(s.environ, "BILLING_TOKEN_KEYSET_FILE="+filepath.Join(dir, "tokens.json"))
	s.run(t, boot.OK, "vault", "keygen")
	if _, stderr := s.run(t, boot.Misused, "vault", "rotate", "--new-token-kek", filepath.Join(dir, "new")); !strings.Contains(stderr, "use --new-kek") {
		t.Errorf("with one KEK for both: %q", stderr)
	}
	s.rekey(t) // both keysets
	s.environ = append(s.environ, "BILLING_TOKEN_KEK_FILE="+filepath.Join(dir, "tokens.kek"))
	if err := os.Remove(s.file(3)); err != nil {
		t.Fatal(err)
	}
	s.run(t, boot.OK, "vault", "keygen")
	out, _ := s.run(t, boot.OK, "vault", "rotate", "--new-token-kek", filepath.Join(dir, "new"))
	if !strings.Contains(out, "BILLING_TOKEN_KEK_FILE="+filepath.Join(dir, "new")) {
		t.Errorf("stdout is %q", out)
	}
	if _, stderr := s.run(t, boot.Failed, "vault", "status"); !strings.Contains(stderr, "names another key") {
		t.Errorf("with the old KEK: %q", stderr)
	}
	if err := os.Rename(filepath.Join(dir, "new"), s.file(4)); err != nil {
		t.Fatal(err)
	}
	s.run(t, boot.OK, "vault", "status")
}

// Once no plaintext token was left, rewrap does not encrypt one that appears later,
// unless a backup was restored.
func TestRewrap_RefusesPlaintextTokensOnceNoneWasLeft(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	s.run(t, boot.OK, "vault", "keygen")
	if out, _ := s.run(t, boot.OK, "vault", "rewrap"); !strings.Contains(out, "from now on programs refuse plaintext tokens") {
		t.Errorf("the first rewrap prints %q", out)
	}
	s.addPlaintextTokens(t, 1)
	if out, _ := s.run(t, boot.OK, "vault", "status"); !strings.Contains(out, "1 payment tokens are stored as plaintext and refused") {
		t.Errorf("status prints %q", out)
	}
	if _, stderr := s.run(t, boot.Failed, "vault", "rewrap"); !strings.Contains(stderr, "it is plaintext, which is refused") {
		t.Errorf("rewrap prints %q", stderr)
	}
	s.run(t, boot.OK, "vault", "rewrap", "--accept-plaintext")
	if out, _ := s.run(t, boot.OK, "vault", "status"); !strings.Contains(out, "Plaintext payment tokens are refused.") {
		t.Errorf("status after --accept-plaintext prints %q", out)
	}
}

func TestRewrap_ReportsBrokenRows(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	s.run(t, boot.OK, "vault", "keygen")
	s.addPlaintextTokens(t, 3)
	s.run(t, boot.OK, "vault", "rewrap")
	exec(t, s.url(), "UPDATE payment_methods a SET token_ct = b.token_ct FROM payment_methods b WHERE a.token_ct < b.token_ct AND "+
		"NOT EXISTS (SELECT FROM payment_methods c WHERE c.token_ct < a.token_ct)")
	s.run(t, boot.OK, "vault", "rotate")
	out, stderr := s.run(t, boot.Failed, "vault", "rewrap")
	if !strings.Contains(out, "2 rows were encrypted or signed again; 1 are left") || !strings.Contains(stderr, "payment method 00000000-0000-7000-9000-") {
		t.Errorf("stdout is %q, stderr is %q", out, stderr)
	}
	if out, _ := s.run(t, boot.OK, "vault", "status"); !strings.Contains(out, "1 rows need") {
		t.Errorf("status: %s", out)
	}
}

func TestVault_BadUsage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ []string
		args    []string
		code    int
		want    string
	}{
		"no command":            {nil, []string{"vault"}, boot.Misused, "needs a command"},
		"unknown command":       {nil, []string{"vault", "open"}, boot.Misused, "unknown command"},
		"no files":              {nil, []string{"vault", "keygen"}, boot.Misused, "--keyset"},
		"no key for the keyset": {nil, []string{"vault", "keygen", "--keyset", "x"}, boot.Misused, "--kek"},
		"plaintext keyset":      {nil, []string{"vault", "keygen", "--keyset", "x", "--clear"}, boot.Misused, "BILLING_ENV=dev"},
		"unknown flag":          {nil, []string{"vault", "rotate", "--now"}, boot.Misused, "--now"},
		"an argument":           {nil, []string{"vault", "status", "x"}, boot.Misused, "x"},
		"two kinds of rotation": {nil, []string{"vault", "rotate", "--prepare", "--disable-old"}, boot.Misused, "--prepare and --disable-old exclude each other"},
		"no keyset":             {nil, []string{"vault", "rotate", "--keyset", "/no/such/file", "--kek", "x"}, boot.Failed, "no such file"},
		"no batch":              {nil, []string{"vault", "rewrap", "--keyset", "x", "--batch", "0"}, boot.Misused, "--batch"},
		"no such environment":   {[]string{"BILLING_ENV=prod"}, []string{"vault", "status"}, boot.Misused, "BILLING_ENV"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, stderr := cli{c.environ}.run(t, c.code, c.args...)
			if out != "" || !strings.Contains(stderr, c.want) {
				t.Errorf("stdout is %q, want nothing; stderr is %q, want %q in it", out, stderr, c.want)
			}
		})
	}
	for _, command := range []string{"", "keygen", "rotate", "rewrap", "status"} {
		args := strings.Fields("vault " + command + " --help")
		if out, _ := (cli{}).run(t, boot.OK, args...); !strings.Contains(out, "Usage:") {
			t.Errorf("billingctl %v prints %q", args, out)
		}
	}
}

func TestKeygen_PlaintextOnlyOutsideProduction(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyset.json")
	dev := cli{[]string{"BILLING_ENV=dev", "BILLING_VAULT_KEYSET_FILE=" + path}}
	dev.run(t, boot.OK, "vault", "keygen", "--clear")
	dev.run(t, boot.OK, "vault", "rotate")
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	production := cli{[]string{"BILLING_VAULT_KEYSET_FILE=" + path}}
	if _, stderr := production.run(t, boot.Failed, "vault", "rotate"); !strings.Contains(stderr, "keys are plaintext") {
		t.Errorf("in production: %q", stderr)
	}
}

// Once every consent is signed, a subscription without a signature is neither signed nor
// charged, unless it comes from a backup.
func TestRewrap_RequiresSignedConsents(t *testing.T) {
	t.Parallel()
	s := withVaultFiles(t)
	s.run(t, boot.OK, "vault", "keygen")
	exec(t, s.url(), twoPayments)
	var st vaultStatusJSON
	s.json(t, boot.OK, &st, "vault", "status")
	if st.UnsignedConsents != 1 || len(st.Enforced) > 0 {
		t.Errorf("before rewrap: %+v", st)
	}
	out, _ := s.run(t, boot.OK, "vault", "rewrap")
	if !strings.Contains(out, "do not charge a subscription without a signature") {
		t.Errorf("rewrap does not say that signatures are required:\n%s", out)
	}
	exec(t, s.url(), "UPDATE subscriptions SET consent_mac = NULL, price_amount = 9999900")
	_, stderr := s.run(t, boot.Failed, "vault", "rewrap")
	if want := "the consent of subscription " + ownerID; !strings.Contains(stderr, want) {
		t.Errorf("stderr lacks %q: %s", want, stderr)
	}
	out, _ = s.run(t, boot.OK, "vault", "status")
	if !strings.Contains(out, "1 subscriptions have no signed consent and are not charged") {
		t.Errorf("status is\n%s", out)
	}
	s.run(t, boot.OK, "vault", "rewrap", "--accept-unsigned")
	st = vaultStatusJSON{}
	s.json(t, boot.OK, &st, "vault", "status")
	if st.UnsignedConsents+st.Left != 0 {
		t.Errorf("after --accept-unsigned: %+v", st)
	}
}
