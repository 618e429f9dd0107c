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

// checkTimeout limits one check, because probes have short timeouts.
const checkTimeout = 2 * time.Second

// Check returns the reason why a process cannot work, or nil.
type Check func(context.Context) error

// Health serves the probes of liveness and readiness. It does not check payment
// systems: while one is down, viewers can still cancel and read their history.
type Health struct {
	checks   map[string]Check
	stopping atomic.Bool
}

// NewHealth returns the probes of a process that needs the database, the newest
// schema, and the further checks in more. The schema consists of the sets, or of
// the service's migrations if no set is given.
func NewHealth(ping Check, url DatabaseURL, more map[string]Check, sets ...postgres.MigrationSet) *Health {
	if len(sets) == 0 {
		sets = []postgres.MigrationSet{postgres.ServiceMigrations}
	}
	s := &schema{migrations: func(ctx context.Context) ([]postgres.Migration, error) {
		return postgres.Migrations(ctx, url.Reveal(), sets...)
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

// CloseOnStop makes next answer with "Connection: close" during the shutdown, so
// that clients open their next connection to another process.
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

// schema checks that every migration of this binary has been applied.
type schema struct {
	migrations func(context.Context) ([]postgres.Migration, error)
	migrated   atomic.Bool // stays true: migrations are not reverted under a running service
}

func (s *schema) current(ctx context.Context) error {
	if s.migrated.Load() {
		return nil
	}
	all, err := s.migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if !m.Applied {
			return fmt.Errorf("migration %s is not applied: run billingctl migrate up", m.Name)
		}
	}
	s.migrated.Store(true)
	return nil
}
