package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// lockTimeout is how long a migration waits for a table. A migration that waits
// blocks all later users of the table. Behind a backup, that would stop the
// service for hours.
const lockTimeout = "2s"

// Migration is one migration and whether it was applied to the database.
type Migration struct {
	Version int64  // unique within its set
	Name    string // file name; those of the simulator begin with "simulator/"
	Applied bool
}

// Migrate applies the pending migrations of the sets to the database at url, or of
// all sets if none is given. It returns the names of the migrations that it
// applied. Several processes may call it at the same time: one applies the
// migrations, the others wait and find nothing pending.
//
// The service may keep running. A migration that cannot lock a table within two
// seconds is rolled back. lock_timeout in the URL, or role=none for a pooler,
// replaces that limit.
//
// The login must own the schemas. If a migration creates roles, the login must be
// allowed to create them.
func Migrate(ctx context.Context, url string, log *slog.Logger, sets ...MigrationSet) ([]string, error) {
	var names []string
	err := withMigrations(url, func(conn *sql.DB) error {
		for _, set := range orAll(sets) {
			applied, err := set.up(ctx, conn, log)
			names = append(names, applied...)
			if err == nil && set == ServiceMigrations {
				err = prepareFeed(ctx, conn)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return names, fmt.Errorf("migrate: %w", err)
	}
	return names, nil
}

// Migrations lists the migrations of the sets, or of all sets if none is given, in
// the order in which they run. It changes nothing. The login must be able to read
// the version tables.
func Migrations(ctx context.Context, url string, sets ...MigrationSet) ([]Migration, error) {
	var list []Migration
	err := withMigrations(url, func(conn *sql.DB) error {
		for _, set := range orAll(sets) {
			some, err := set.status(ctx, conn)
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	return list, nil
}

func orAll(sets []MigrationSet) []MigrationSet {
	if len(sets) == 0 {
		return []MigrationSet{ServiceMigrations, SimulatorMigrations}
	}
	return sets
}

// withMigrations calls f with connections that work as the login of the URL.
func withMigrations(url string, f func(*sql.DB) error) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	setMigrationParams(cfg.RuntimeParams)
	conn := stdlib.OpenDB(*cfg)
	defer func() { _ = conn.Close() }()
	return f(conn)
}
