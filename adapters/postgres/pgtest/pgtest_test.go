package pgtest_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

func queryText(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) string {
	t.Helper()
	var value string
	if err := pool.QueryRow(t.Context(), sql, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func superuser(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.OpenRole(t.Context(), url, "none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestNew_ServicePool(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	if got := queryText(t, pool, "SELECT current_user"); got != postgres.AppRole {
		t.Errorf("connected as %s, want %s", got, postgres.AppRole)
	}
	if n := pool.Config().MaxConns; n > 8 {
		t.Errorf("up to %d connections, want at most 8", n)
	}
}

func TestURL_Migrated(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	migrations, err := postgres.Migrations(t.Context(), url)
	if err != nil || len(migrations) == 0 {
		t.Fatalf("migrations %v, %v; want some", migrations, err)
	}
	for _, m := range migrations {
		if !m.Applied {
			t.Errorf("%s is not applied", m.Name)
		}
	}
	if got := queryText(t, superuser(t, url), "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user"); got != "true" {
		t.Error("the login is not a superuser")
	}
}

func TestURL_SeparateDatabases(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			pool := superuser(t, pgtest.URL(t))
			if _, err := pool.Exec(t.Context(), "CREATE TABLE same_name ()"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNew_DroppedAfterTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("short", func(t *testing.T) {
		name = queryText(t, pgtest.New(t), "SELECT current_database()")
	})
	if n := queryText(t, pgtest.New(t), "SELECT count(*)::text FROM pg_database WHERE datname = $1", name); n != "0" {
		t.Errorf("database %s still exists", name)
	}
}

func TestPrivate_StopAndStart(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t)
	pool := superuser(t, server.URL())
	before := queryText(t, pool, "SELECT count(*)::text FROM schema_migrations")

	server.Stop()
	if err := pool.Ping(t.Context()); err == nil {
		t.Error("a stopped server responded")
	}
	url := server.URL()
	server.Start()
	if diff := cmp.Diff(url, server.URL()); diff != "" {
		t.Error(diff)
	}
	if after := queryText(t, pool, "SELECT count(*)::text FROM schema_migrations"); after != before {
		t.Errorf("%s migrations after the start, %s before", after, before)
	}
}

// child runs one of these tests in another process.
func child(t *testing.T, test string, env ...string) (output string, code int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^"+test+"$")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestURL_GivenServer(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t)
	// PG_BIN has no binaries, so starting a server would fail.
	out, code := child(t, "TestURL_Migrated", "BILLING_TEST_DATABASE_URL="+server.URL(), "PG_BIN=/nowhere")
	if code != 0 {
		t.Errorf("exit code %d, want 0: %s", code, out)
	}
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, _ := conn.Query(t.Context(), "SELECT left(datname, 5) FROM pg_database WHERE datname LIKE 't%\\_%' AND datname <> 'template_'")
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if diff := cmp.Diff([]string{"tmpl_"}, left); diff != "" || err != nil {
		t.Errorf("databases on the server: %s, %v; want only a template", diff, err)
	}
}

func TestURL_NoPostgres(t *testing.T) {
	t.Parallel()
	out, code := child(t, "TestURL_Migrated", "BILLING_TEST_DATABASE_URL=", "PG_BIN=/nowhere")
	if code != 1 || !strings.Contains(out, "--- FAIL") || !strings.Contains(out, "apt-get install postgresql") {
		t.Errorf("exit code %d, output %s; want a failure that lists packages to install", code, out)
	}
}
