package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestRun_CommandLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"help":             {[]string{"--help"}, boot.OK, "--dry-run", ""},
		"version":          {[]string{"--version"}, boot.OK, "billing-renew ", ""},
		"unknown flag":     {[]string{"--bogus"}, boot.Misused, "", "--bogus"},
		"argument":         {[]string{"bogus"}, boot.Misused, "", `unexpected argument "bogus"`},
		"limit of zero":    {[]string{"--limit=0"}, boot.Misused, "", "--limit 0 must be 1 or more"},
		"concurrency of 0": {[]string{"--concurrency=0"}, boot.Misused, "", "--concurrency 0 must be 1 to 4096"},
		"limit is a word":  {[]string{"--limit=few"}, boot.Misused, "", "--limit"},
		"interval of zero": {[]string{"--every=0s"}, boot.Misused, "", "--every 0s must be 1s or more"},
		"repeated dry run": {[]string{"--dry-run", "--every=1m"}, boot.Misused, "", "leave out --every"},
		"dry run metrics":  {[]string{"--dry-run", "--metrics-file=x"}, boot.Misused, "", "--dry-run"},
		"no environment":   {nil, boot.Misused, "", "BILLING_DATABASE_URL is not set"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			if code := run(t.Context(), test.args, nil, &out, &errs); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(out.String(), test.stdout) || (test.stdout == "") != (out.Len() == 0) {
				t.Errorf("stdout is %q, want %q", out.String(), test.stdout)
			}
			if !strings.Contains(errs.String(), test.stderr) || (test.stderr == "") != (errs.Len() == 0) {
				t.Errorf("stderr is %q, want %q", errs.String(), test.stderr)
			}
		})
	}
}

func TestHelp_ListsEveryVariable(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	run(t.Context(), []string{"--help"}, nil, &out, &errs)
	for _, name := range boot.Variables[boot.Renew]() {
		if !strings.Contains(out.String(), "\n  "+name) {
			t.Errorf("--help does not list %s", name)
		}
	}
}

func TestRun_FailureExitsWith1(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"--json"}, []string{"BILLING_ENV=test", "BILLING_DATABASE_URL=postgres://localhost:1/none"}, &out, &errs)
	if code != boot.Failed || !strings.Contains(errs.String(), "renewal run failed") {
		t.Errorf("exit code %d, stderr %q", code, errs.String())
	}
}

func TestRun_MetricsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "renew.prom")
	var out, errs bytes.Buffer
	env := []string{"BILLING_ENV=test", "BILLING_DATABASE_URL=" + pgtest.URL(t)}
	if code := run(t.Context(), []string{"--metrics-file", file}, env, &out, &errs); code != boot.OK {
		t.Fatalf("exit code %d, stderr %s", code, errs.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"billing_renewal_last_run_success 1\n", `billing_renewal_last_run_items{result="renewed"} 0`,
		"billing_renewal_last_run_timestamp_seconds 1.", "billing_renewal_last_run_duration_seconds ",
		`billing_renewal_last_run_consent_findings{finding="forged"} 0`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the metrics lack %q:\n%s", want, text)
		}
	}
	if !strings.HasPrefix(out.String(), "0 due: 0 renewed,") {
		t.Errorf("stdout is %q", out.String())
	}
}

// The results are in the database, so the run has not failed.
func TestRun_MetricsFileCannotBeWritten(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	env := []string{"BILLING_ENV=test", "BILLING_DATABASE_URL=" + pgtest.URL(t)}
	code := run(t.Context(), []string{"--metrics-file", filepath.Join(t.TempDir(), "missing", "renew.prom")}, env, &out, &errs)
	if code != boot.OK || !strings.Contains(errs.String(), `"level":"WARN","msg":"the metrics of this run are missing`) {
		t.Errorf("exit code %d, want %d; stderr is %s", code, boot.OK, errs.String())
	}
	if !strings.HasPrefix(out.String(), "0 due: 0 renewed,") {
		t.Errorf("stdout is %q", out.String())
	}
}

func TestRepeat_LongRunDelaysTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 36*time.Minute)
		defer cancel()
		start := time.Now()
		var at []time.Duration
		code := repeat(ctx, 10*time.Minute, func() int {
			at = append(at, time.Since(start))
			if len(at) == 2 {
				time.Sleep(15 * time.Minute) // longer than the interval
			}
			return len(at)
		})
		want := []time.Duration{0, 10 * time.Minute, 25 * time.Minute, 30 * time.Minute}
		if diff := cmp.Diff(want, at); diff != "" || code != 4 {
			t.Errorf("exit code %d, want 4, that of the last run; start times (-want +got):\n%s", code, diff)
		}
	})
}

func TestRepeat_WithoutIntervalRunsOnce(t *testing.T) {
	t.Parallel()
	runs := 0
	if code := repeat(t.Context(), 0, func() int { runs++; return 1 }); code != 1 || runs != 1 {
		t.Errorf("%d runs with exit code %d, want 1 with 1", runs, code)
	}
}
