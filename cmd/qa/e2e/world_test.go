package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

// world is a database with a catalogue, and the keys and settings of the programs.
type world struct {
	databaseURL string
	keys        string
	vars        []string // of every program that is started here
	version     string   // subfolder of the programs; empty for the version under test
}

// newWorld returns a world with a new database.
func newWorld(t *testing.T, vars ...string) world {
	t.Helper()
	return newWorldAt(t, pgtest.URL(t), vars...)
}

// newWorldAt is newWorld with an existing, migrated database.
func newWorldAt(t *testing.T, databaseURL string, vars ...string) world {
	t.Helper()
	return world{databaseURL: databaseURL}.setUp(t, vars...)
}

// setUp adds keys and a catalogue.
func (w world) setUp(t *testing.T, vars ...string) world {
	t.Helper()
	w.keys = t.TempDir()
	if _, _, err := auth.NewKeyPair(w.keys); err != nil {
		t.Fatal(err)
	}
	keyset, kek := filepath.Join(w.keys, "keyset.json"), filepath.Join(w.keys, "kek")
	w.ctl(t, "vault", "keygen", "--keyset", keyset, "--kek", kek)
	w.vars = append([]string{"BILLING_VAULT_KEYSET_FILE=" + keyset, "BILLING_VAULT_KEK_FILE=" + kek}, vars...)
	w.ctl(t, "payment-system", "add", "--code", "simulator", "--name", "Simulated payments")
	w.ctl(t, "plan", "add", "--code", "premium", "--name", "Premium", "--price", "399.00", "--currency", "RUB", "--feature", "hd")
	return w
}

// ctl runs billingctl and returns its output. The test fails if the command does.
func (w world) ctl(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, w.version+"billingctl"), args...)
	cmd.Env = append(environ("BILLING_DATABASE_URL="+w.databaseURL), w.vars...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		out = append(out, exit.Stderr...)
	}
	if err != nil {
		t.Fatalf("billingctl %v: %v\n%s", args, err, out)
	}
	return out
}

// reconciliation is the output of billingctl reconcile --json.
type reconciliation struct {
	Matched      int      `json:"matched"`
	MissingHere  []string `json:"missing_here"`
	MissingThere []string `json:"missing_there"`
	Different    []string `json:"different"`
	Double       []string `json:"double"`
}

// checkLedger fails the test unless the payments table and the simulator's ledger
// match, with that number of payments.
func (w world) checkLedger(t *testing.T, payments int) {
	t.Helper()
	w.checkLedgerOf(t, "simulator", payments)
}

func (w world) checkLedgerOf(t *testing.T, system string, payments int) {
	t.Helper()
	var got reconciliation
	if err := json.Unmarshal(w.ctl(t, "reconcile", "--payment-system", system, "--json"), &got); err != nil {
		t.Fatal(err)
	}
	want := reconciliation{payments, []string{}, []string{}, []string{}, []string{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reconciliation (-want +got):\n%s", diff)
	}
}

// viewer returns a viewer with a valid token and no API yet.
func (w world) viewer(t *testing.T, subject string) viewer {
	t.Helper()
	key, err := auth.LoadPrivateKey(filepath.Join(w.keys, "private.pem"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.Sign(key, "", auth.SignClaims{
		Subject: subject, Issuer: "i", Audience: "a", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return viewer{token: token}
}

// api is a running billing-api.
type api struct {
	*process
	base, ops string
}

// api starts billing-api or a variant of it.
func (w world) api(t *testing.T, name string, vars ...string) api {
	t.Helper()
	cmd := exec.Command(program(t, w.version+name))
	cmd.Env = environ(
		"BILLING_ENV=test", "BILLING_DATABASE_URL="+w.databaseURL,
		"BILLING_API_ADDR=127.0.0.1:0", "BILLING_OPS_ADDR=127.0.0.1:0",
		"BILLING_AUTH_PUBLIC_KEY_FILE="+filepath.Join(w.keys, "public.pem"),
		"BILLING_AUTH_ISSUER=i", "BILLING_AUTH_AUDIENCE=a", "BILLING_SWEEP_INTERVAL=200ms",
	)
	cmd.Env = append(append(cmd.Env, w.vars...), vars...)
	a := api{process: start(t, cmd)}
	a.line(t, "addresses of the API", func(line string) bool {
		var up struct {
			Msg string
			API string `json:"api_addr"`
			Ops string `json:"ops_addr"`
		}
		if json.Unmarshal([]byte(line), &up) != nil || up.Msg != "billing-api is up" {
			return false
		}
		a.base, a.ops = fmt.Sprintf("http://%s", up.API), fmt.Sprintf("http://%s", up.Ops)
		return true
	})
	return a
}

// at returns v as a client of this API.
func (a api) at(v viewer) viewer {
	v.base = a.base
	return v
}

// folder returns a new folder that other users can traverse. If the test runs as
// root, Postgres runs as another user, which has no access to t.TempDir.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "billing-e2e-data-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}
