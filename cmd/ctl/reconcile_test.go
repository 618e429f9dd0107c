package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
)

// charge inserts a charge into the simulator's ledger.
func charge(t *testing.T, s cli, key string) {
	t.Helper()
	exec(t, s.url(), `INSERT INTO simulator.charges (key, ref, amount, currency, at)
		VALUES ($1, $1, 39900, 'RUB', '2026-03-01T00:00:00Z')`, key)
}

func TestReconcile_Differences(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	nothing := []billing.PaymentID{}
	none := []billing.RefundID{}
	equal := reconciliationJSON{0, 0, nothing, nothing, nothing, nothing, refundReconciliationJSON{0, 0, []string{}, none, none, []string{}}}

	var got reconciliationJSON
	s.json(t, boot.OK, &got, "reconcile", "--payment-system", "simulator")
	if diff := cmp.Diff(equal, got); diff != "" {
		t.Errorf("no payments (-want +got):\n%s", diff)
	}
	charge(t, s, "one")
	charge(t, s, "two")
	charge(t, s, "two")
	s.json(t, boot.Failed, &got, "reconcile", "--payment-system", "simulator")
	want := equal
	want.MissingHere, want.Double = []billing.PaymentID{"one", "two"}, []billing.PaymentID{"two"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("charges without payments (-want +got):\n%s", diff)
	}
	file := filepath.Join(t.TempDir(), "reconcile.prom")
	out, errs := s.run(t, boot.Failed, "reconcile", "--payment-system", "simulator", "--metrics-file", file)
	if !strings.Contains(out, "double") || !strings.Contains(out, "in flight") || !strings.Contains(errs, "differ") {
		t.Errorf("stdout is %q and stderr is %q", out, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`billing_reconcile_mismatches{kind="missing_here",provider="simulator"} 2`, `billing_reconcile_mismatches{kind="double",provider="simulator"} 1`,
		`billing_reconcile_mismatches{kind="different",provider="simulator"} 0`, `billing_reconcile_timestamp_seconds{provider="simulator"} 1.`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the metrics lack %s:\n%s", want, text)
		}
	}
}

// The comparison is printed and decides the exit code, whatever becomes of the file.
func TestReconcile_MetricsFileCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	file := filepath.Join(t.TempDir(), "missing", "reconcile.prom")
	out, stderr := s.run(t, boot.OK, "reconcile", "--payment-system", "simulator", "--metrics-file", file)
	if !strings.Contains(out, "matched") || !strings.Contains(stderr, "warning: --metrics-file: ") {
		t.Errorf("stdout is %q and stderr is %q", out, stderr)
	}
}

// The unit logs in as billing-renew.
func TestReconcile_NeedsOnlyTheRightsOfRenewals(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	charge(t, s, "one")
	u, err := url.Parse(s.url())
	if err != nil {
		t.Fatal(err)
	}
	login := "reconcile_" + strings.TrimPrefix(u.Path, "/")
	exec(t, s.url(), `CREATE ROLE "`+login+`" LOGIN IN ROLE billing_renew, billing_simulator`)
	defer exec(t, s.url(), `DROP ROLE "`+login+`"`)
	u.User = url.User(login)
	(cli{[]string{"BILLING_DATABASE_URL=" + u.String()}}).run(t, boot.Failed, "reconcile", "--payment-system", "simulator", "--since", "2026-03-01")
}

func TestReconcile_Flags(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	charge(t, s, "one")
	s.run(t, boot.Failed, "reconcile", "--payment-system", "simulator", "--since", "2026-03-01")
	s.run(t, boot.OK, "reconcile", "--payment-system", "simulator", "--since", "2026-03-01T00:00:01Z")
	s.run(t, boot.Failed, "reconcile", "--payment-system", "simulator", "--since", "36500d")
	_, errs := s.run(t, boot.Misused, "reconcile", "--payment-system", "simulator", "--since", "yesterday")
	if !strings.Contains(errs, `--since "yesterday"`) {
		t.Errorf("stderr is %q", errs)
	}
	_, errs = s.run(t, boot.Misused, "reconcile", "--payment-system", "bank")
	if !strings.Contains(errs, "known codes: simulator") {
		t.Errorf("stderr is %q", errs)
	}
}
