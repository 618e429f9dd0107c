package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/online-cinema/billing/adapters/postgres"
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

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	for _, name := range boot.Variables[boot.Admin]() {
		// A retry schedule is part of the rules, and of no use here.
		if name != "BILLING_RETRY_SCHEDULE" && !strings.Contains(usage, name) {
			t.Errorf("the help does not tell of %s", name)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	for name, tt := range map[string]struct {
		ping    error
		applied bool
		want    int
	}{
		"all well":      {nil, true, http.StatusOK},
		"no database":   {down, true, http.StatusServiceUnavailable},
		"an old schema": {nil, false, http.StatusServiceUnavailable},
	} {
		h := &health{
			ping: func(context.Context) error { return tt.ping },
			migrations: func(context.Context) ([]postgres.Migration, error) {
				return []postgres.Migration{{Name: "00005_panel.sql", Applied: tt.applied}}, nil
			},
		}
		for path, want := range map[string]int{"/readyz": tt.want, "/livez": http.StatusOK} {
			w := httptest.NewRecorder()
			h.handler(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			if w.Code != want {
				t.Errorf("%s: %s is %d, want %d: %s", name, path, w.Code, want, w.Body)
			}
		}
		h.stopping.Store(true)
		w := httptest.NewRecorder()
		h.handler(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: ready while it stops", name)
		}
	}
}

func TestATaskThatFailsIsLoggedOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	n := 0
	task{"it was not done", 1, func(context.Context) error {
		if n++; n == 5 {
			cancel()
		}
		return errors.New("down")
	}, slog.New(slog.NewTextHandler(&log, nil))}.run(ctx)
	if n != 5 || strings.Count(log.String(), "it was not done") != 1 {
		t.Errorf("done %d times, logged %q", n, log.String())
	}
}
