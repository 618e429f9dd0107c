package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/adapters/postgres"
)

// checkTimeout is how long one check may take: a probe does not wait long.
const checkTimeout = 2 * time.Second

// Check returns what keeps a process from doing its work, or nil.
type Check func(context.Context) error

// Health answers whether a process lives and whether it can do its work. A
// payment system that is down is no reason not to be ready: viewers can still
// cancel and look things up.
type Health struct {
	checks   map[string]Check
	stopping atomic.Bool
}

// NewHealth checks the database and its schema, and what else there is.
func NewHealth(ping Check, url DatabaseURL, more map[string]Check) *Health {
	s := &schema{migrations: func(ctx context.Context) ([]postgres.Migration, error) {
		return postgres.Migrations(ctx, url.Reveal())
	}}
	checks := map[string]Check{"database": ping, "migrations": s.current}
	maps.Copy(checks, more)
	return &Health{checks: checks}
}

// Handler serves /livez and /readyz.
func (h *Health) Handler() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", h.ready)
	return mux
}

func (h *Health) ready(w http.ResponseWriter, r *http.Request) {
	status, report := http.StatusOK, map[string]string{"status": "ready", "running": "ok"}
	fails := func(name string, err error) {
		report[name] = err.Error()
		status, report["status"] = http.StatusServiceUnavailable, "not ready"
	}
	if h.stopping.Load() {
		fails("running", errors.New("stopping"))
	}
	for name, check := range h.checks {
		report[name] = "ok"
		if err := within(r.Context(), check); err != nil {
			fails(name, err)
		}
	}
	writeHealth(w, status, report)
}

func within(ctx context.Context, check Check) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return check(ctx)
}

// CloseOnStop tells clients to use another connection once we are to stop.
func (h *Health) CloseOnStop(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func writeHealth(w http.ResponseWriter, status int, report map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(report)
}

// schema tells whether the database has every step that this binary knows.
type schema struct {
	migrations func(context.Context) ([]postgres.Migration, error)
	migrated   atomic.Bool // once true, for ever: nobody takes a step back under a running service
}

func (s *schema) current(ctx context.Context) error {
	if s.migrated.Load() {
		return nil
	}
	steps, err := s.migrations(ctx)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if !step.Applied {
			return fmt.Errorf("step %s is not applied: run billingctl migrate up", step.Name)
		}
	}
	s.migrated.Store(true)
	return nil
}
