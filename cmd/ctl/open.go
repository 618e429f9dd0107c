package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// ownRole makes connections work as the login of the URL: what an operator may
// do is the operator's own right, not the service's.
const ownRole = postgres.LoginRole

// database is the configuration of commands that need nothing else.
type database struct{ boot.Database }

// url is the database's URL.
func (t *tool) url() (boot.DatabaseURL, error) {
	cfg, err := boot.Load[database](t.environ)
	return cfg.DatabaseURL, err
}

// withStore runs f with the service's store.
func (t *tool) withStore(ctx context.Context, f func(*postgres.Store) error) error {
	url, err := t.url()
	if err != nil {
		return err
	}
	pool, err := postgres.OpenRole(ctx, url.Reveal(), ownRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	return f(postgres.NewStore(pool))
}

// catalogConfig is the configuration of commands that change the catalogue.
type catalogConfig struct {
	boot.Database
	boot.Time
}

// withCatalog runs f with the catalogue, which is stamped by billing's clock.
func (t *tool) withCatalog(ctx context.Context, f func(app.Catalog) error) error {
	cfg, err := boot.Load[catalogConfig](t.environ)
	if err != nil {
		return err
	}
	now, closeClock, err := cfg.OpenClock(ctx, cfg.DatabaseURL, ownRole)
	if err != nil {
		return err
	}
	defer closeClock()
	return t.withStore(ctx, func(s *postgres.Store) error {
		return f(app.Catalog{Store: s, Clock: now, NewID: boot.NewID})
	})
}

// quiet logs what an operator must see even when no log was asked for.
func quiet(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// How Postgres says that there is no schema, and that somebody has a table locked.
const (
	undefinedTable   = "42P01"
	lockNotAvailable = "55P03"
)

// explain is what a person is told of an error.
func explain(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case undefinedTable:
			return "the database has no schema, or an old one: run billingctl migrate up"
		case lockNotAvailable:
			return "somebody holds a table, such as a backup or a long query; what was begun is undone: do it again later"
		}
	}
	var unreachable *pgconn.ConnectError
	if errors.Is(err, billing.Unavailable) || errors.As(err, &unreachable) {
		return strings.Join(strings.Fields(err.Error()), " ") // has its causes on lines of their own
	}
	return err.Error()
}
