package boot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/online-cinema/billing/adapters/postgres"
)

// fine is the health of a service that can do everything.
func fine() *Health {
	well := func(context.Context) error { return nil }
	return &Health{checks: map[string]Check{"database": well, "keys": well}}
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

func TestReadiness(t *testing.T) {
	t.Parallel()
	down := func(context.Context) error { return errors.New("down") }
	tests := map[string]struct {
		spoil func(*Health)
		code  int
		check string
		want  string
	}{
		"all is well":   {func(*Health) {}, 200, "status", "ready"},
		"database down": {func(h *Health) { h.checks["database"] = down }, 503, "database", "down"},
		"no keys":       {func(h *Health) { h.checks["keys"] = down }, 503, "keys", "down"},
		"stopping":      {func(h *Health) { h.stopping.Store(true) }, 503, "running", "stopping"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := fine()
			test.spoil(h)
			code, report := probe(t, h, "/readyz")
			if code != test.code || report[test.check] != test.want {
				t.Errorf("%d %v, want %d with %s %q", code, report, test.code, test.check, test.want)
			}
			if code, _ := probe(t, h, "/livez"); code != 200 {
				t.Errorf("livez answers %d whatever happens, want 200", code)
			}
		})
	}
}

func TestSchemaIsLookedAtUntilItIsCurrent(t *testing.T) {
	t.Parallel()
	steps := []postgres.Migration{{Version: 1, Name: "one.sql", Applied: true}, {Version: 2, Name: "two.sql"}}
	asked := 0
	s := &schema{migrations: func(context.Context) ([]postgres.Migration, error) { asked++; return steps, nil }}
	if err := s.current(t.Context()); err == nil || err.Error() != "step two.sql is not applied: run billingctl migrate up" {
		t.Errorf("with a step left: %v", err)
	}
	steps = steps[:1]
	for range 3 {
		if err := s.current(t.Context()); err != nil {
			t.Errorf("with every step: %v", err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
}
