//go:build ops

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// pg runs a program of Postgres and returns its output.
func pg(t *testing.T, input []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// TestRestore takes a backup as in the handbook, restores it into an empty cluster, and
// serves from it. Then it compares with the ledger of a payment system that has the
// charges since the backup.
func TestRestore(t *testing.T) {
	db := openPostgres(t, folder(t))
	w := world{databaseURL: db.URL(), vars: onTestClock} // migrates the simulator too
	w.ctl(t, "migrate", "up")
	w = w.setUp(t, onTestClock...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	a := w.api(t, "billing-api")
	viewers := w.subscribers(t, a, 3, "tok_ok")
	berta := a.at(w.viewer(t, "berta"))
	if got := berta.pay(t, berta.addCard(t, "4242424242424242"), "123"); got.status != http.StatusCreated {
		t.Fatalf("subscribe by card: %d %s", got.status, got.text)
	}
	history := viewers[0].get(t, "/v1/history").text

	// Take the backup, then go on.
	roles := pg(t, nil, "pg_dumpall", "--roles-only", "--dbname", w.databaseURL)
	dump := pg(t, nil, "pg_dump", "--format=custom", "--dbname", w.databaseURL)
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 4, Renewed: 4})
	if got := a.at(w.viewer(t, "late")).call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); got.status != http.StatusCreated {
		t.Fatalf("subscribe after the backup: %d %s", got.status, got.text)
	}
	ledger := pg(t, nil, "pg_dump", "--schema=simulator", "--clean", "--dbname", w.databaseURL)
	a.process.signal(t, 9)
	a.process.wait(t)

	second := openPostgres(t, folder(t))
	restored := w
	restored.databaseURL = second.URL()
	// psql reports the roles that every new cluster has. It goes on after these errors.
	pg(t, roles, "psql", "--quiet", "--dbname", second.URL())
	pg(t, dump, "pg_restore", "--exit-on-error", "--dbname", second.URL())
	restored.checkLedger(t, 4)
	b := restored.api(t, "billing-api")
	if got := ready(t, b); got != http.StatusOK {
		t.Errorf("readyz: status %d, want 200", got)
	}
	if diff := cmp.Diff(history, b.at(viewers[0]).get(t, "/v1/history").text); diff != "" {
		t.Errorf("history (-before +restored):\n%s", diff)
	}

	// A real payment system is not restored with the database.
	pg(t, ledger, "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", second.URL())
	since := succeeded(t, w.databaseURL, "created_at > '2026-02-01'")
	restored.checkDifferences(t, reconciliation{4, since, []string{}, []string{}, []string{}})

	// A run charges the subscriptions again that were charged since the backup, because
	// their new payments have new ids. So operators must reconcile before it.
	restored.clock(t, "set", "2026-02-28T12:00:00Z")
	restored.checkRun(t, 0, counts{Due: 4, Renewed: 4})
	restored.checkDifferences(t, reconciliation{8, since, []string{}, []string{}, []string{}})

	// Only the keys of the vault, which are not in the backup, decrypt tokens.
	other := t.TempDir()
	keyset, kek := filepath.Join(other, "keyset.json"), filepath.Join(other, "kek")
	restored.ctl(t, "vault", "keygen", "--keyset", keyset, "--kek", kek)
	restored.clock(t, "set", "2026-03-31T12:00:00Z")
	if code, sum := restored.runRenewals(t, "BILLING_VAULT_KEYSET_FILE="+keyset, "BILLING_VAULT_KEK_FILE="+kek); code == 0 || sum.Renewed > 0 {
		t.Errorf("run with other keys: exit code %d, %+v; want a failure", code, sum)
	}
}

// checkDifferences fails the test unless reconcile reports exactly these differences.
func (w world) checkDifferences(t *testing.T, want reconciliation) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, "billingctl"), "reconcile", "--payment-system", "simulator", "--json")
	cmd.Env = environ("BILLING_DATABASE_URL=" + w.databaseURL)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("reconcile exits with %v, want exit code 1", err)
	}
	var got reconciliation
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got.MissingHere)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reconciliation (-want +got):\n%s", diff)
	}
}

// succeeded returns the ids of succeeded payments, in order.
func succeeded(t *testing.T, databaseURL, where string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), "SELECT id::text FROM payments WHERE status = 'succeeded' AND "+where+" ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
