package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// checkTimeout is how long one check may take: a probe does not wait long.
const checkTimeout = 2 * time.Second

// health answers whether the process lives and whether it can do its work. A
// payment system that is down is no reason not to be ready: viewers can still
// cancel and look things up.
type health struct {
	ping       func(context.Context) error
	migrations func(context.Context) ([]postgres.Migration, error)
	keys       func() error
	vault      func() error // nil without a vault

	migrated atomic.Bool // once true, for ever: nobody takes a step back under a running service
	stopping atomic.Bool
}

func newHealth(ping func(context.Context) error, keys func() error, url boot.DatabaseURL) *health {
	return &health{ping: ping, keys: keys, migrations: func(ctx context.Context) ([]postgres.Migration, error) {
		return postgres.Migrations(ctx, url.Reveal())
	}}
}

func (h *health) handler(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /metrics", metrics)
	return mux
}

func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	checks := map[string]error{
		"database":   within(r.Context(), h.ping),
		"migrations": within(r.Context(), h.current),
		"keys":       h.keys(),
		"running":    h.running(),
	}
	if h.vault != nil {
		checks["vault"] = h.vault()
	}
	status, report := http.StatusOK, map[string]string{"status": "ready"}
	for name, err := range checks {
		report[name] = "ok"
		if err != nil {
			report[name] = err.Error()
			status, report["status"] = http.StatusServiceUnavailable, "not ready"
		}
	}
	writeHealth(w, status, report)
}

func within(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return check(ctx)
}

func (h *health) running() error {
	if h.stopping.Load() {
		return errors.New("stopping")
	}
	return nil
}

// current tells whether the schema has every step that this binary knows.
func (h *health) current(ctx context.Context) error {
	if h.migrated.Load() {
		return nil
	}
	steps, err := h.migrations(ctx)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if !s.Applied {
			return fmt.Errorf("step %s is not applied: run billingctl migrate up", s.Name)
		}
	}
	h.migrated.Store(true)
	return nil
}

// partOnStopping tells clients to use another connection once we are to stop.
func (h *health) partOnStopping(next http.Handler) http.Handler {
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
