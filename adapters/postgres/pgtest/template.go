package pgtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/db"
)

// templateLock is the advisory lock for creating a template. It covers all templates,
// because migrations create roles, which all databases share.
const templateLock = 7242620027

// clone creates a database from a template, or from the migrated one if template
// is empty, and returns its URL.
func clone(ctx context.Context, template string) (string, error) {
	srv, err := server()
	if err != nil {
		return "", err
	}
	name := "t_" + strings.ToLower(rand.Text()[:12])
	sql := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, cmp.Or(template, srv.template))
	if srv.ours {
		sql += " STRATEGY FILE_COPY" // quicker, and harmless without fsync
	}
	if err := run(ctx, srv.url, sql); err != nil {
		return "", err
	}
	return withDatabase(srv.url, name)
}

func drop(ctx context.Context, url string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	srv, err := server()
	if err != nil {
		return err
	}
	return run(ctx, srv.url, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", cfg.Database))
}

func run(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// makeTemplate creates the template of the present migrations if it is missing, and
// returns its name. If several processes call it, one creates the template and the
// others wait.
func makeTemplate(ctx context.Context, url string) (string, error) {
	name, err := templateName(db.Migrations)
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }() // releases the lock
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		return "", err
	}
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil || exists {
		return name, err
	}
	return name, buildTemplate(ctx, conn, url, name)
}

// buildTemplate creates the template. It renames the complete database at the end, so
// that a database with the name is complete.
func buildTemplate(ctx context.Context, conn *pgx.Conn, url, name string) error {
	draft := name + "_draft"
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + draft, "CREATE DATABASE " + draft} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	draftURL, err := withDatabase(url, draft)
	if err != nil {
		return err
	}
	if _, err := postgres.Migrate(ctx, draftURL, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	for _, sql := range []string{
		"ALTER DATABASE " + draft + " ALLOW_CONNECTIONS false", // a database with connections cannot be cloned
		"ALTER DATABASE " + draft + " RENAME TO " + name,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// templateName returns a name that depends on the names and texts of the migrations.
func templateName(migrations fs.FS) (string, error) {
	files, err := fs.Glob(migrations, "*/*.sql")
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", errors.New("no migrations found")
	}
	sum := sha256.New()
	for _, file := range files {
		text, err := fs.ReadFile(migrations, file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", file, len(text), text)
	}
	return fmt.Sprintf("tmpl_%x", sum.Sum(nil)[:12]), nil
}
