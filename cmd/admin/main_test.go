package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"--help"}, boot.OK, "BILLING_ADMIN_ADDR", ""},
		{[]string{"--version"}, boot.OK, "billing-admin devel", ""},
		{[]string{"now"}, boot.Misused, "", `unexpected argument "now"`},
		{[]string{"--now"}, boot.Misused, "", "See 'billing-admin --help'"},
		{nil, boot.Misused, "", "BILLING_DATABASE_URL is not set"},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), tt.args, nil, &out, &errs)
		if code != tt.code || !strings.Contains(out.String(), tt.stdout) || !strings.Contains(errs.String(), tt.stderr) {
			t.Errorf("%v: exit code %d, %q, %q", tt.args, code, out.String(), errs.String())
		}
	}
}

func TestHelp_ListsEveryVariable(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	run(t.Context(), []string{"--help"}, nil, &out, &errs)
	for _, name := range boot.Variables[boot.Admin]() {
		if !strings.Contains(out.String(), "\n  "+name) {
			t.Errorf("--help does not list %s", name)
		}
	}
}

func TestTask_LogsAnOutageOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	calls := 0
	task{"update failed", 1, func(context.Context) error {
		if calls++; calls == 5 {
			cancel()
		}
		return errors.New("down")
	}, slog.New(slog.NewTextHandler(&log, nil))}.run(ctx)
	if calls != 5 || strings.Count(log.String(), "update failed") != 1 {
		t.Errorf("%d calls, want 5; the log is %q, want one failure", calls, log.String())
	}
}
