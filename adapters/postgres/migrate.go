package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/online-cinema/billing/db"
)

// migrationLock keeps two migrations of one database apart. Any number does,
// as long as nothing else in the database uses it.
const migrationLock = 7242620026

// lockTimeout is how long a step waits for a table. Who waits for one keeps out
// all who come later: behind a backup that would be the service, for hours.
const lockTimeout = "2s"

// Migration is one step of the schema and whether the database has taken it.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate brings the schema of the database at url to the newest version and
// returns the names of the steps it took. Any number may run at once: one
// works, the others wait and find nothing left to do.
//
// The service may go on meanwhile. A step that does not get a table within two
// seconds is given up and not taken; lock_timeout in the URL, or a pooler's
// role=none, has it wait otherwise.
//
// The login needs the rights of the schema's owner and, when a step makes roles,
// to create them.
func Migrate(ctx context.Context, url string, log *slog.Logger) ([]string, error) {
	var names []string
	err := withGoose(url, log, func(p *goose.Provider) error {
		done, err := p.Up(ctx)
		for _, step := range done {
			names = append(names, step.Source.Path)
		}
		return err
	})
	if err != nil {
		return names, fmt.Errorf("migrate: %w", err)
	}
	return names, nil
}

// Migrations lists every step of the schema, oldest first, and changes nothing.
func Migrations(ctx context.Context, url string) ([]Migration, error) {
	var list []Migration
	err := withGoose(url, slog.New(slog.DiscardHandler), func(p *goose.Provider) error {
		steps, err := p.Status(ctx)
		for _, s := range steps {
			list = append(list, Migration{
				Version: s.Source.Version, Name: s.Source.Path, Applied: s.State == goose.StateApplied,
			})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	return list, nil
}

func withGoose(url string, log *slog.Logger, use func(*goose.Provider) error) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	pooled := cfg.RuntimeParams["role"] == LoginRole // so that there are to be none of ours
	delete(cfg.RuntimeParams, "role")                // the schema belongs to the login, not to the application's role
	if _, chosen := cfg.RuntimeParams["lock_timeout"]; !chosen && !pooled {
		cfg.RuntimeParams["lock_timeout"] = lockTimeout
	}
	conn := stdlib.OpenDB(*cfg)
	defer func() { _ = conn.Close() }()

	p, err := provider(conn, log)
	if err != nil {
		return err
	}
	return use(p)
}

func provider(conn *sql.DB, log *slog.Logger) (*goose.Provider, error) {
	steps, err := fs.Sub(db.Migrations, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 120))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, conn, steps,
		goose.WithSessionLocker(locker), goose.WithSlog(log), goose.WithTableName("schema_migrations"))
}
