package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// operatorRole makes connections work as the login of the URL, so that commands have
// the rights of the operator, not those of the service.
const operatorRole = postgres.LoginRole

// database is the configuration of commands that only need the database.
type database struct {
	Env boot.Env `env:"BILLING_ENV" envDefault:"production" must:"be production, dev or test"`
	boot.Database
}

// url returns the URL of the database.
func (t *tool) url() (boot.DatabaseURL, error) {
	cfg, err := boot.Load[database](t.environ)
	if err == nil {
		t.warn(cfg.Warnings(cfg.Env))
	}
	return cfg.DatabaseURL, err
}

// withStore runs f with the service's store.
func (t *tool) withStore(ctx context.Context, f func(*postgres.Store) error) error {
	return t.withPool(ctx, func(pool *pgxpool.Pool) error { return f(postgres.NewStore(pool)) })
}

// withPool runs f with connections to the service's database.
func (t *tool) withPool(ctx context.Context, f func(*pgxpool.Pool) error) error {
	url, err := t.url()
	if err != nil {
		return err
	}
	pool, err := postgres.OpenRole(ctx, url.Reveal(), operatorRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	return f(pool)
}

// catalogConfig is the configuration of commands that change the catalogue.
type catalogConfig struct {
	boot.Database
	boot.Time
}

// withCatalog runs f with the catalogue. Its timestamps are from the billing clock.
func (t *tool) withCatalog(ctx context.Context, f func(operators.Catalog) error) error {
	cfg, err := boot.Load[catalogConfig](t.environ)
	if err != nil {
		return err
	}
	return t.withBillingClock(ctx, cfg.Database, cfg.Time, func(s *postgres.Store, now ports.Clock) error {
		return f(operators.Catalog{Store: s, Clock: now, NewID: boot.NewID, By: t.operator()})
	})
}

// withBillingClock runs f with the service's store and the billing clock.
func (t *tool) withBillingClock(ctx context.Context, db boot.Database, c boot.Time, f func(*postgres.Store, ports.Clock) error) error {
	now, closeClock, err := c.OpenClock(ctx, db.DatabaseURL, operatorRole)
	if err != nil {
		return err
	}
	defer closeClock()
	return t.withStore(ctx, func(s *postgres.Store) error { return f(s, now) })
}

// warningLog returns a logger for warnings and errors, which operators must see.
func warningLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// SQLSTATE codes of Postgres.
const (
	undefinedTable   = "42P01"
	lockNotAvailable = "55P03"
)

// explain returns the text of an error for a person.
func explain(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case undefinedTable:
			return "the database has no schema or an old one: run billingctl migrate up"
		case lockNotAvailable:
			return "a table is locked, for example by a backup or a long query; the transaction was rolled back: try again later"
		}
	}
	var unreachable *pgconn.ConnectError
	if errors.Is(err, billing.Unavailable) || errors.As(err, &unreachable) {
		return strings.Join(strings.Fields(err.Error()), " ") // the causes are on separate lines
	}
	return err.Error()
}
