package db_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/db"
)

// lastBeforeSplit is the newest migration of the version whose service migrations
// created the schema simulator.
const lastBeforeSplit = 9

// beforeSplit returns goose with the migrations of that version. It takes the ones
// that have changed since from testdata.
func beforeSplit(t *testing.T, url string) *goose.Provider {
	t.Helper()
	return firstMigrations(t, url, lastBeforeSplit, "testdata/before_simulator_split")
}

// afterSplit is [beforeSplit] with the same migrations of the present version.
func afterSplit(t *testing.T, url string) *goose.Provider {
	t.Helper()
	return firstMigrations(t, url, lastBeforeSplit, "")
}

// firstMigrations returns goose with the first count migrations of the service.
// A file in the folder changed replaces the one of the same name.
func firstMigrations(t *testing.T, url string, count int, changed string) *goose.Provider {
	t.Helper()
	set := fstest.MapFS{}
	files, err := fs.Glob(db.Migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files[:count] {
		text, err := os.ReadFile(path.Join(changed, path.Base(file)))
		if err != nil {
			text, err = fs.ReadFile(db.Migrations, file)
		}
		if err != nil {
			t.Fatal(err)
		}
		set[path.Base(file)] = &fstest.MapFile{Data: text}
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	conn := stdlib.OpenDB(*cfg)
	t.Cleanup(func() { _ = conn.Close() })
	p, err := goose.NewProvider(goose.DialectPostgres, conn, set, goose.WithTableName("schema_migrations"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// isBeforeSplit reports whether the version before the split had the migration.
func isBeforeSplit(m postgres.Migration) bool {
	return m.Version <= lastBeforeSplit && !strings.HasPrefix(m.Name, "simulator/")
}

func upTo(t *testing.T, p *goose.Provider, version int64) {
	t.Helper()
	if version == 0 {
		return
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

func migrate(t *testing.T, url string, sets ...postgres.MigrationSet) (applied []string) {
	t.Helper()
	applied, err := postgres.Migrate(t.Context(), url, slog.New(slog.DiscardHandler), sets...)
	if err != nil {
		t.Error(err)
	}
	return applied
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// lines returns the rows of a query with one text column.
func lines(t *testing.T, url, sql string) []string {
	t.Helper()
	rows, err := connect(t, url).Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// schemaOf describes the tables, columns, constraints, indexes, views and rights
// of both schemas, one per line.
func schemaOf(t *testing.T, url string) []string {
	t.Helper()
	return lines(t, url, `
		WITH relations AS (
			SELECT c.*, c.oid AS id, format('%s.%s', n.nspname, c.relname) AS name
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname IN ('public', 'simulator'))
		SELECT format('%s kind %s options %s %s', name, relkind, reloptions, CASE relkind WHEN 'v' THEN pg_get_viewdef(id) END) FROM relations
		UNION ALL
		SELECT format('%s column %s %s %s %s %s %s', name, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
			(SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum))
		FROM relations JOIN pg_attribute ON attrelid = id WHERE attnum > 0 AND NOT attisdropped
		UNION ALL
		SELECT format('%s constraint %s %s', name, conname, pg_get_constraintdef(o.oid)) FROM relations JOIN pg_constraint o ON conrelid = id
		UNION ALL
		SELECT format('%s index %s', name, pg_get_indexdef(indexrelid)) FROM relations JOIN pg_index ON indrelid = id
		UNION ALL
		SELECT format('%s grants %s to %s', name, a.privilege_type, CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END)
		FROM relations, aclexplode(relacl) a
		UNION ALL
		SELECT format('%s.%s grants %s to %s', name, attname, a.privilege_type, a.grantee::regrole)
		FROM relations JOIN pg_attribute ON attrelid = id, aclexplode(attacl) a
		UNION ALL
		SELECT format('schema %s grants %s to %s', nspname, a.privilege_type, CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END)
		FROM pg_namespace, aclexplode(nspacl) a WHERE nspname IN ('public', 'simulator')
		ORDER BY 1`)
}
