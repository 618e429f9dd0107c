package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
)

// fine is the health of a service that can do everything.
func fine() *health {
	return &health{
		ping: func(context.Context) error { return nil },
		keys: func() error { return nil },
		migrations: func(context.Context) ([]postgres.Migration, error) {
			return []postgres.Migration{{Version: 1, Name: "one.sql", Applied: true}}, nil
		},
	}
}

func probe(t *testing.T, h *health, path string) (int, map[string]string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.handler(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	var report map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return w.Code, report
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	tests := map[string]struct {
		spoil func(*health)
		code  int
		check string
		want  string
	}{
		"all is well":     {func(*health) {}, 200, "status", "ready"},
		"database down":   {func(h *health) { h.ping = func(context.Context) error { return down } }, 503, "database", "down"},
		"no keys":         {func(h *health) { h.keys = func() error { return down } }, 503, "keys", "down"},
		"stopping":        {func(h *health) { h.stopping.Store(true) }, 503, "running", "stopping"},
		"schema is older": {func(h *health) { h.migrations = oneStepLeft }, 503, "migrations", "step two.sql is not applied: run billingctl migrate up"},
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

func oneStepLeft(context.Context) ([]postgres.Migration, error) {
	return []postgres.Migration{{Version: 1, Name: "one.sql", Applied: true}, {Version: 2, Name: "two.sql"}}, nil
}

func TestSchemaIsLookedAtUntilItIsCurrent(t *testing.T) {
	t.Parallel()
	asked := 0
	h := fine()
	h.migrations = func(ctx context.Context) ([]postgres.Migration, error) {
		if asked++; asked == 1 {
			return oneStepLeft(ctx)
		}
		return nil, nil
	}
	var codes []int
	for range 4 {
		code, _ := probe(t, h, "/readyz")
		codes = append(codes, code)
	}
	if diff := cmp.Diff([]int{503, 200, 200, 200}, codes); diff != "" || asked != 2 {
		t.Errorf("asked %d times, want 2; codes (-want +got):\n%s", asked, diff)
	}
}
