package postgres_test

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/db"
)

const beforeGrowth = 6 // the last step without it

// What is added goes into the indexes of its quarter, not into those of all years.
func TestHistoryIsKeptByTheQuarter(t *testing.T) {
	t.Parallel()
	conn := superuser(t, pgtest.URL(t))
	for _, later := range []int{0, 3, 12, 36} {
		at := time.Now().UTC().AddDate(0, later, 0)
		want := fmt.Sprintf("events_%dq%d", at.Year(), (at.Month()+2)/3)
		if got := addEvent(t, conn, at); got != want {
			t.Errorf("an event of %v is in %s, want %s", at, got, want)
		}
	}
}

// A database with a history is brought to it, and back.
func TestAHistoryThatIsThereBecomesTheFirstPart(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	conn := superuser(t, url)
	steps := gooseOn(t, url)
	now := time.Now().UTC()
	if _, err := steps.DownTo(t.Context(), beforeGrowth); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if got := addEvent(t, conn, now.AddDate(-i, 0, -1)); got != "events" {
			t.Fatalf("an event is in %s", got)
		}
	}
	for range 2 {
		if _, err := steps.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, conn, `SELECT count(*) FROM events_before`); n != 3 {
			t.Errorf("%d events are in the first part, want 3", n)
		}
		for _, part := range []struct {
			months int
			not    bool
		}{{0, true}, {4, false}} {
			if got := addEvent(t, conn, now.AddDate(0, part.months, 0)); (got == "events_before") != part.not {
				t.Errorf("an event %d months later is in %s", part.months, got)
			}
		}
		if _, err := conn.Exec(t.Context(), `DELETE FROM events WHERE at >= $1`, now.Truncate(time.Microsecond)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, conn, `SELECT count(*) FROM events`); n != 3 {
			t.Errorf("%d events are left, want 3", n)
		}
		if _, err := steps.DownTo(t.Context(), beforeGrowth); err != nil {
			t.Fatal(err)
		}
	}
}

func superuser(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func gooseOn(t *testing.T, url string) *goose.Provider {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	conn := stdlib.OpenDB(*cfg)
	t.Cleanup(func() { _ = conn.Close() })
	files, err := fs.Sub(db.Migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, conn, files, goose.WithTableName("schema_migrations"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// addEvent adds an event of that moment and returns the table that it is in.
func addEvent(t *testing.T, conn *pgx.Conn, at time.Time) (table string) {
	t.Helper()
	id := fmt.Sprintf("%012x7000800000000000%04x", at.UnixMilli(), at.Nanosecond()%0xffff)
	err := conn.QueryRow(t.Context(), `INSERT INTO events (user_id, id, type, at, plan_code, decline_code)
		VALUES (gen_random_uuid(), $1::text::uuid, 'renewed', $2, 'basic', '') RETURNING tableoid::regclass::text`,
		id, at).Scan(&table)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func count(t *testing.T, conn *pgx.Conn, query string) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
