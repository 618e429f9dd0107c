package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"path"

	"github.com/pressly/goose/v3"

	"github.com/online-cinema/billing/db"
)

// MigrationSet is a folder of [db.Migrations]. Each set has its own version table.
type MigrationSet string

// Sets of migrations.
const (
	ServiceMigrations   MigrationSet = "migrations"
	SimulatorMigrations MigrationSet = "simulator" // not for production
)

// migrationLock is the advisory lock that migrations of one database take. Any
// number will do that nothing else in the database uses.
const migrationLock = 7242620026

// versionTable records the applied migrations of a set, in the set's schema.
const versionTable = "schema_migrations"

// schema returns the schema of the version table, or "" for the schema of the
// connection.
func (s MigrationSet) schema() string {
	if s == SimulatorMigrations {
		return "simulator"
	}
	return ""
}

// up applies the pending migrations and returns their names.
func (s MigrationSet) up(ctx context.Context, conn *sql.DB, log *slog.Logger) (names []string, err error) {
	p, err := s.provider(conn, log)
	if err != nil {
		return nil, err
	}
	if err := s.createSchema(ctx, conn); err != nil {
		return nil, err
	}
	done, err := p.Up(ctx)
	for _, applied := range done {
		names = append(names, s.name(applied.Source))
	}
	return names, err
}

// status lists the migrations. It looks for the version table first, because goose
// would create a missing one, and the login of a program may not do that.
func (s MigrationSet) status(ctx context.Context, conn *sql.DB) (list []Migration, err error) {
	p, err := s.provider(conn, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	exists, err := s.hasVersionTable(ctx, conn)
	if err != nil {
		return nil, err
	}
	if !exists {
		for _, source := range p.ListSources() {
			list = append(list, Migration{Version: source.Version, Name: s.name(source)})
		}
		return list, nil
	}
	all, err := p.Status(ctx)
	for _, m := range all {
		list = append(list, Migration{Version: m.Source.Version, Name: s.name(m.Source), Applied: m.State == goose.StateApplied})
	}
	return list, err
}

func (s MigrationSet) hasVersionTable(ctx context.Context, conn *sql.DB) (exists bool, err error) {
	err = conn.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = coalesce(nullif($1, ''), current_schema()) AND tablename = $2)`,
		s.schema(), versionTable).Scan(&exists)
	return exists, err
}

func (s MigrationSet) provider(conn *sql.DB, log *slog.Logger) (*goose.Provider, error) {
	files, err := fs.Sub(db.Migrations, string(s))
	if err != nil {
		return nil, err
	}
	locker, err := newLocker()
	if err != nil {
		return nil, err
	}
	table := versionTable
	if s.schema() != "" {
		table = s.schema() + "." + versionTable
	}
	return goose.NewProvider(goose.DialectPostgres, conn, files,
		goose.WithSessionLocker(locker), goose.WithSlog(log), goose.WithTableName(table))
}

// createSchema creates the schema of the version table if it is missing. CREATE
// SCHEMA IF NOT EXISTS would need the right to create schemas even if the schema
// exists, and would fail if another session creates it at the same time.
func (s MigrationSet) createSchema(ctx context.Context, conn *sql.DB) error {
	if s.schema() == "" {
		return nil
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf(`
		DO $$
		BEGIN
			IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '%[1]s') THEN
				CREATE SCHEMA %[1]s;
			END IF;
		EXCEPTION WHEN duplicate_schema OR unique_violation THEN
			NULL;
		END
		$$`, s.schema()))
	if err != nil {
		return fmt.Errorf("create schema %s: %w", s.schema(), err)
	}
	return nil
}

// name returns the file name of a migration, with the schema before it if the set
// has one.
func (s MigrationSet) name(source *goose.Source) string {
	return path.Join(s.schema(), source.Path)
}
