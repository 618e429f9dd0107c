package main

import (
	"bytes"
	"net"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/vault"
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
		"help":           {[]string{"--help"}, boot.OK, "BILLING_DATABASE_URL", ""},
		"version":        {[]string{"--version"}, boot.OK, "billing-api ", ""},
		"unknown flag":   {[]string{"--bogus"}, boot.Misused, "", "-bogus"},
		"argument":       {[]string{"bogus"}, boot.Misused, "", `unexpected argument "bogus"`},
		"no environment": {nil, boot.Misused, "", "BILLING_DATABASE_URL is not set"},
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
	for _, name := range boot.Variables[boot.API]() {
		if !strings.Contains(out.String(), "\n  "+name) {
			t.Errorf("--help does not list %s", name)
		}
	}
}

func TestRun_AddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	dir := t.TempDir()
	if _, _, err := auth.NewKeyPair(dir); err != nil {
		t.Fatal(err)
	}
	keys := vault.Files{Keyset: filepath.Join(dir, "keyset.json"), KEK: filepath.Join(dir, "kek")}
	if err := vault.Create(keys, time.Now()); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), nil, []string{
		"BILLING_VAULT_KEYSET_FILE=" + keys.Keyset, "BILLING_VAULT_KEK_FILE=" + keys.KEK,
		"BILLING_DATABASE_URL=postgres://127.0.0.1:1/billing",
		"BILLING_AUTH_PUBLIC_KEY_FILE=" + filepath.Join(dir, "public.pem"),
		"BILLING_AUTH_ISSUER=i", "BILLING_AUTH_AUDIENCE=a",
		"BILLING_API_ADDR=127.0.0.1:0", "BILLING_OPS_ADDR=" + taken.Addr().String(),
	}, &out, &errs)
	if want := "BILLING_OPS_ADDR=" + taken.Addr().String() + " is in use"; code != boot.Failed || !strings.Contains(errs.String(), want) {
		t.Errorf("exit code %d, stderr %q; want %d and %q", code, errs.String(), boot.Failed, want)
	}
	if goDefault := 100; debug.SetGCPercent(goDefault) <= goDefault {
		t.Error("the garbage collector is not tuned for latency")
	}
}
