package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
)

// charge writes into the ledger of the simulator as nobody but it may.
func charge(t *testing.T, s shell, key string) {
	t.Helper()
	exec(t, s.url(), `INSERT INTO simulator.charges (key, ref, amount, currency, at)
		VALUES ($1, $1, 39900, 'RUB', '2026-03-01T00:00:00Z')`, key)
}

func TestReconcileFindsWhatDiffers(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	nothing := []billing.PaymentID{}
	agreed := reconciliationJSON{0, nothing, nothing, nothing, nothing}

	var got reconciliationJSON
	s.json(t, boot.OK, &got, "reconcile", "--payment-system", "simulator")
	if diff := cmp.Diff(agreed, got); diff != "" {
		t.Errorf("empty books (-want +got):\n%s", diff)
	}
	charge(t, s, "one")
	charge(t, s, "two")
	charge(t, s, "two")
	s.json(t, boot.Failed, &got, "reconcile", "--payment-system", "simulator")
	want := agreed
	want.MissingHere, want.Double = []billing.PaymentID{"one", "two"}, []billing.PaymentID{"two"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("charges that nobody knows (-want +got):\n%s", diff)
	}
	file := filepath.Join(t.TempDir(), "reconcile.prom")
	out, errs := s.run(t, boot.Failed, "reconcile", "--payment-system", "simulator", "--metrics-file", file)
	if !strings.Contains(out, "double") || !strings.Contains(errs, "differ") {
		t.Errorf("people are told %q and %q", out, errs)
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
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

func TestReconcileFrom(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	charge(t, s, "one")
	s.run(t, boot.Failed, "reconcile", "--payment-system", "simulator", "--since", "2026-03-01")
	s.run(t, boot.OK, "reconcile", "--payment-system", "simulator", "--since", "2026-03-01T00:00:01Z")
	_, errs := s.run(t, boot.Misused, "reconcile", "--payment-system", "simulator", "--since", "yesterday")
	if !strings.Contains(errs, `--since "yesterday"`) {
		t.Errorf("stderr is %q", errs)
	}
	_, errs = s.run(t, boot.Misused, "reconcile", "--payment-system", "bank")
	if !strings.Contains(errs, "there are simulator") {
		t.Errorf("stderr is %q", errs)
	}
}
