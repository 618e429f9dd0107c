package boot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/online-cinema/billing/adapters/postgres"
)

// healthy returns the probes of a service whose checks all pass.
func healthy() *Health {
	pass := func(context.Context) error { return nil }
	return &Health{checks: map[string]Check{"database": pass, "keys": pass}}
}

func probe(t *testing.T, h *Health, path string) (int, map[string]string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	var report map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return w.Code, report
}

func TestHealth_Ready(t *testing.T) {
	t.Parallel()
	down := func(context.Context) error { return errors.New("down") }
	tests := map[string]struct {
		fault func(*Health)
		code  int
		check string
		want  string
	}{
		"healthy":       {func(*Health) {}, 200, "status", "ready"},
		"database down": {func(h *Health) { h.checks["database"] = down }, 503, "database", "down"},
		"no keys":       {func(h *Health) { h.checks["keys"] = down }, 503, "keys", "down"},
		"stopping":      {func(h *Health) { h.stopping.Store(true) }, 503, "running", "stopping"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := healthy()
			test.fault(h)
			code, report := probe(t, h, "/readyz")
			if code != test.code || report[test.check] != test.want {
				t.Errorf("%d %v, want %d with %s %q", code, report, test.code, test.check, test.want)
			}
			if code, _ := probe(t, h, "/livez"); code != 200 {
				t.Errorf("/livez: status %d, want 200 in every state", code)
			}
		})
	}
}

func TestSchema_QueriedUntilCurrent(t *testing.T) {
	t.Parallel()
	migrations := []postgres.Migration{{Version: 1, Name: "one.sql", Applied: true}, {Version: 2, Name: "two.sql"}}
	queries := 0
	s := &schema{migrations: func(context.Context) ([]postgres.Migration, error) { queries++; return migrations, nil }}
	if err := s.current(t.Context()); err == nil || err.Error() != "migration two.sql is not applied: run billingctl migrate up" {
		t.Errorf("with a migration missing: %v", err)
	}
	migrations = migrations[:1]
	for range 3 {
		if err := s.current(t.Context()); err != nil {
			t.Errorf("with all migrations applied: %v", err)
		}
	}
	if queries != 2 {
		t.Errorf("%d queries, want 2", queries)
	}
}
