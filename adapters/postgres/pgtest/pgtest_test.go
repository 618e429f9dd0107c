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

func ask(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) string {
	t.Helper()
	var answer string
	if err := pool.QueryRow(t.Context(), sql, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
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

func TestNewIsTheServicesPool(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	if got := ask(t, pool, "SELECT current_user"); got != postgres.AppRole {
		t.Errorf("connected as %s, want %s", got, postgres.AppRole)
	}
	if n := pool.Config().MaxConns; n > 8 {
		t.Errorf("up to %d connections", n)
	}
}

func TestURLIsMigrated(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	steps, err := postgres.Migrations(t.Context(), url)
	if err != nil || len(steps) == 0 {
		t.Fatal(steps, err)
	}
	for _, step := range steps {
		if !step.Applied {
			t.Errorf("not applied: %s", step.Name)
		}
	}
	if got := ask(t, superuser(t, url), "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user"); got != "true" {
		t.Error("not a superuser's")
	}
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			pool := superuser(t, pgtest.URL(t))
			if _, err := pool.Exec(t.Context(), "CREATE TABLE mine ()"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDatabaseGoesWithTheTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("short", func(t *testing.T) {
		name = ask(t, pgtest.New(t), "SELECT current_database()")
	})
	if n := ask(t, pgtest.New(t), "SELECT count(*)::text FROM pg_database WHERE datname = $1", name); n != "0" {
		t.Errorf("%s is still there", name)
	}
}

func TestPrivateStopsAndStarts(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t)
	pool := superuser(t, server.URL())
	before := ask(t, pool, "SELECT count(*)::text FROM schema_migrations")

	server.Stop()
	if err := pool.Ping(t.Context()); err == nil {
		t.Error("a stopped server answered")
	}
	url := server.URL()
	server.Start()
	if diff := cmp.Diff(url, server.URL()); diff != "" {
		t.Error(diff)
	}
	if after := ask(t, pool, "SELECT count(*)::text FROM schema_migrations"); after != before {
		t.Errorf("%s migrations after the start, %s before", after, before)
	}
}

// child runs one of these tests in a process of its own.
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

func TestGivenServer(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t)
	// Binaries that are not there: starting a server would fail.
	out, code := child(t, "TestURLIsMigrated", "BILLING_TEST_DATABASE_URL="+server.URL(), "PG_BIN=/nowhere")
	if code != 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, _ := conn.Query(t.Context(), "SELECT left(datname, 5) FROM pg_database WHERE datname LIKE 't%\\_%' AND datname <> 'template_'")
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if diff := cmp.Diff([]string{"tmpl_"}, left); diff != "" || err != nil {
		t.Errorf("databases left on the server: %s, %v", diff, err)
	}
}

func TestWithoutPostgresTestsFail(t *testing.T) {
	t.Parallel()
	out, code := child(t, "TestURLIsMigrated", "BILLING_TEST_DATABASE_URL=", "PG_BIN=/nowhere")
	if code != 1 || !strings.Contains(out, "--- FAIL") || !strings.Contains(out, "apt-get install postgresql") {
		t.Errorf("exit code %d, output %s; want a failure that says what to install", code, out)
	}
}
