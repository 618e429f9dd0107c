//go:build ops

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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

// handbook returns a section of billingctl's handbook.
func handbook(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../ctl/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("the handbook has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// commands returns the commands of a section that begin with prefix, in order.
func commands(section, prefix string) (list []string) {
	for line := range strings.Lines(section) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, prefix) {
			list = append(list, line)
		}
	}
	return list
}

// shell runs a line of the handbook in a folder that has the operator's sudo and billing. It
// returns the output and the exit code.
func (w world) shell(t *testing.T, dir, line string) (string, int) {
	t.Helper()
	bin := t.TempDir()
	for name, script := range map[string]string{
		"sudo":    "#!/bin/sh\nif [ \"$1\" = -u ]; then shift 2; fi\nexec \"$@\"\n",
		"billing": "#!/bin/sh\nexec '" + program(t, "billingctl") + "' \"$@\"\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	at, err := url.Parse(w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := at.Query()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(environ("BILLING_DATABASE_URL="+w.databaseURL, "PATH="+bin+":"+os.Getenv("PATH"),
		"PGHOST="+q.Get("host"), "PGPORT="+q.Get("port"), "PGUSER="+q.Get("user"), "PGDATABASE=postgres"), w.vars...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", line, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// mustShell is shell for a line that must succeed.
func (w world) mustShell(t *testing.T, dir, line string) {
	t.Helper()
	if out, code := w.shell(t, dir, line); code != 0 {
		t.Fatalf("%s exits with %d\n%s", line, code, out)
	}
}

// TestRestore backs up, restores into an empty cluster and serves from it, with the commands
// of the handbook. Then it follows the handbook with a payment system that has the charges
// and refunds since the backup.
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
	history := viewers[2].get(t, "/v1/history").text
	var first []string // payments
	for _, v := range viewers {
		first = append(first, v.latestPayment(t))
	}
	stop(t, a)

	// Take the backup while a refund waits for the API, then go on.
	waiting := w.openRefund(t, first[0], "--amount", "100.00")
	dir := t.TempDir()
	moving := handbook(t, "Back up and restore")
	w.mustShell(t, dir, commands(moving, "umask 077")[0]+"\n"+commands(moving, "sudo -u postgres pg_dumpall")[0])
	a = w.api(t, "billing-api")
	ledger, since := w.goOn(t, a, first)
	stop(t, a)

	second := openPostgres(t, folder(t))
	restored := w
	restored.databaseURL = second.URL()
	pg(t, nil, "psql", "--quiet", "--command", "DROP DATABASE billing", "--dbname", second.DatabaseURL("postgres"))
	restored.mustShell(t, dir, commands(moving, "sudo -u postgres psql < roles.sql")[0])
	restored.checkLedger(t, 4)
	// A real payment system is not restored with the database.
	pg(t, ledger, "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", second.URL())
	b := restored.api(t, "billing-api")
	if got := ready(t, b); got != http.StatusOK {
		t.Errorf("readyz: status %d, want 200", got)
	}
	if diff := cmp.Diff(history, b.at(viewers[2]).get(t, "/v1/history").text); diff != "" {
		t.Errorf("history (-before +restored):\n%s", diff)
	}
	b.at(viewers[0]).waitRefunded(t, first[0], waiting, "succeeded")
	restored.followHandbook(t, b, viewers[2], since)

	// Only the keys of the vault, which are not in the backup, decrypt tokens.
	other := t.TempDir()
	keyset, kek := filepath.Join(other, "keyset.json"), filepath.Join(other, "kek")
	restored.ctl(t, "vault", "keygen", "--keyset", keyset, "--kek", kek)
	restored.clock(t, "set", "2026-03-31T12:00:00Z")
	if code, sum := restored.runRenewals(t, "BILLING_VAULT_KEYSET_FILE="+keyset, "BILLING_VAULT_KEK_FILE="+kek); code == 0 || sum.Renewed > 0 {
		t.Errorf("run with other keys: exit code %d, %+v; want a failure", code, sum)
	}
}

func stop(t *testing.T, a api) {
	t.Helper()
	a.signal(t, syscall.SIGKILL)
	a.wait(t)
}

// goOn refunds first payments, renews, refunds a part of a renewal, and lets a viewer
// subscribe. It returns a dump of the ledger, and the ids of the payments.
func (w world) goOn(t *testing.T, a api, first []string) (ledger []byte, since []string) {
	t.Helper()
	w.clock(t, "set", "2026-02-10T12:00:00Z")
	settled := func() bool { return w.query(t, "SELECT count(*) FROM refunds WHERE status <> 'succeeded'") == 0 }
	w.openRefund(t, first[1], "--amount", "100.00")
	w.openRefund(t, first[2], "--end-now")
	eventually(t, "all refunds succeed", settled)
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 3, Renewed: 3})
	if got := a.at(w.viewer(t, "late")).call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); got.status != http.StatusCreated {
		t.Fatalf("subscribe after the backup: %d %s", got.status, got.text)
	}
	since = succeeded(t, w.databaseURL, "created_at > '2026-02-01'")
	w.openRefund(t, since[0], "--amount", "50.00")
	eventually(t, "all refunds succeed", settled)
	w.checkRefunds(t, "simulator", 4)
	return pg(t, nil, "pg_dump", "--schema=simulator", "--clean", "--dbname", w.databaseURL), since
}

// followHandbook follows the steps after a restore. since has the payments that only the
// payment system has. The subscription of left was ended by a refund since the backup.
func (w world) followHandbook(t *testing.T, a api, left viewer, since []string) {
	t.Helper()
	steps := commands(strings.ReplaceAll(handbook(t, "After a restore"), "CODE", "simulator"), "sudo billing reconcile")
	if len(steps) != 2 {
		t.Fatalf("the handbook has the comparisons %q, want two", steps)
	}
	reconcile := func(line string, want ...string) {
		t.Helper()
		out, code := w.shell(t, t.TempDir(), line)
		for _, s := range append(want, since...) {
			if !strings.Contains(out, s) {
				t.Errorf("%s does not print %s", line, s)
			}
		}
		if code != 1 || t.Failed() {
			t.Errorf("%s exits with %d, want 1\n%s", line, code, out)
		}
	}
	none := []string{}
	there := func(ids ...string) []string {
		return w.list(t, "SELECT ref FROM simulator.refunds WHERE payment IN ('"+strings.Join(ids, "', '")+"') ORDER BY 1")
	}
	part := there(since...)
	reconcile(steps[0], part...)
	w.checkDifferences(t, reconciliation{4, since, none, none, none}, refundReconciliation{3, 0, part, none, none})

	// Refund the rest of each payment at the payment system.
	execAsSuperuser(t, w.databaseURL, `
		INSERT INTO simulator.refunds (key, by_hand, payment, ref, amount, currency, status, at)
		SELECT 'by hand ' || q.key, true, q.key, 'console_' || q.key,
			q.amount - coalesce((SELECT sum(amount) FROM simulator.refunds WHERE payment = q.key), 0), q.currency, 'succeeded', '2026-03-01Z'
		FROM simulator.requests q WHERE q.key IN ('`+strings.Join(since, "', '")+`')`)
	refunds := there(since...)
	reconcile(steps[1], refunds...)
	understood := refundReconciliation{3, 0, refunds, none, none}
	w.checkDifferences(t, reconciliation{4, since, none, none, none}, understood)

	if got := a.at(left).call(t, http.MethodPost, "/v1/subscriptions/premium/cancel", "", `{"at":"now"}`); got.status != http.StatusOK {
		t.Errorf("cancel: %d %s", got.status, got.text)
	}
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	w.checkRun(t, 0, counts{Due: 3, Renewed: 3})
	w.checkDifferences(t, reconciliation{7, since, none, none, none}, understood)
	twice := w.query(t, "SELECT count(*) FROM (SELECT FROM payments WHERE status = 'succeeded' GROUP BY subscription_id, period_start HAVING count(*) > 1) AS period")
	kept := w.query(t, `SELECT count(*) FROM simulator.requests q WHERE status = 'succeeded' AND key NOT IN (SELECT id::text FROM payments WHERE status = 'succeeded')
		AND amount <> (SELECT coalesce(sum(amount), 0) FROM simulator.refunds WHERE payment = q.key)`)
	if twice > 0 || kept > 0 {
		t.Errorf("%d periods are paid twice here, and %d charges without a period are not refunded", twice, kept)
	}
}

// checkDifferences fails the test unless reconcile reports exactly these differences.
func (w world) checkDifferences(t *testing.T, want reconciliation, refunds refundReconciliation) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, "billingctl"), "reconcile", "--payment-system", "simulator", "--json")
	cmd.Env = environ("BILLING_DATABASE_URL=" + w.databaseURL)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("reconcile exits with %v, want exit code 1", err)
	}
	var got struct {
		reconciliation
		Refunds refundReconciliation
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got.MissingHere)
	slices.Sort(got.Refunds.MissingHere)
	slices.Sort(refunds.MissingHere)
	if diff := cmp.Diff(want, got.reconciliation) + cmp.Diff(refunds, got.Refunds); diff != "" {
		t.Errorf("reconciliation (-want +got):\n%s", diff)
	}
}

// succeeded returns the ids of succeeded payments, in order.
func succeeded(t *testing.T, databaseURL, where string) []string {
	t.Helper()
	return world{databaseURL: databaseURL}.list(t, "SELECT id::text FROM payments WHERE status = 'succeeded' AND "+where+" ORDER BY 1")
}

// list returns a column of texts from the database.
func (w world) list(t *testing.T, sql string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
