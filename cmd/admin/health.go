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

// health answers whether the process lives and whether it can do its work.
type health struct {
	ping       func(context.Context) error
	migrations func(context.Context) ([]postgres.Migration, error)

	migrated atomic.Bool // once true, for ever: nobody takes a step back under a running service
	stopping atomic.Bool
}

func newHealth(ping func(context.Context) error, url boot.DatabaseURL) *health {
	return &health{ping: ping, migrations: func(ctx context.Context) ([]postgres.Migration, error) {
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
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	status, report := http.StatusOK, map[string]string{"status": "ready"}
	for name, check := range map[string]func(context.Context) error{
		"database": h.ping, "migrations": h.current, "running": h.running,
	} {
		report[name] = "ok"
		if err := check(ctx); err != nil {
			report[name] = err.Error()
			status, report["status"] = http.StatusServiceUnavailable, "not ready"
		}
	}
	writeHealth(w, status, report)
}

func (h *health) running(context.Context) error {
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

func writeHealth(w http.ResponseWriter, status int, report map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(report)
}
