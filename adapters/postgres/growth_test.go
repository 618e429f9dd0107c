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

const beforeGrowth = 6 // the last migration without partitions

func TestEvents_PartitionedByQuarter(t *testing.T) {
	t.Parallel()
	conn := superuser(t, pgtest.URL(t))
	for _, months := range []int{0, 3, 12, 36} {
		at := time.Now().UTC().AddDate(0, months, 0)
		want := fmt.Sprintf("events_%dq%d", at.Year(), (at.Month()+2)/3)
		if got := addEvent(t, conn, at); got != want {
			t.Errorf("the event of %v is in %s, want %s", at, got, want)
		}
	}
}

// The migration to partitions keeps existing events, and so does its reversal.
func TestEvents_ExistingRowsBecomeFirstPartition(t *testing.T) {
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
			t.Fatalf("the event is in %s, want events", got)
		}
	}
	for range 2 {
		if _, err := steps.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, conn, `SELECT count(*) FROM events_before`); n != 3 {
			t.Errorf("%d events in the first partition, want 3", n)
		}
		for _, part := range []struct {
			months int
			first  bool
		}{{0, true}, {4, false}} {
			if got := addEvent(t, conn, now.AddDate(0, part.months, 0)); (got == "events_before") != part.first {
				t.Errorf("the event %d months later is in %s; in the first partition: want %t", part.months, got, part.first)
			}
		}
		if _, err := conn.Exec(t.Context(), `DELETE FROM events WHERE at >= $1`, now.Truncate(time.Microsecond)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, conn, `SELECT count(*) FROM events`); n != 3 {
			t.Errorf("%d events remain, want 3", n)
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

// addEvent adds an event at a time and returns the partition that stores it.
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

func count(t *testing.T, conn querier, query string) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
