package pgtest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
)

// poolSize is how many connections a test's pool has at most. Many tests run
// at once and share the server's.
const poolSize = 5

// cleanup is how long tidying up after a test may take.
const cleanup = 30 * time.Second

// New is a pool for a database of the test's own: migrated, empty otherwise,
// and dropped when the test ends. Its connections have the rights of
// [postgres.AppRole] and no more.
//
// The test fails when it still holds a connection at its end.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return Pool(t, URL(t))
}

// URL returns the superuser's URL of a database like the one of [New], for tests
// that open a database, migrate it, or work as another role.
func URL(t testing.TB) string {
	t.Helper()
	return database(t, "")
}

// EmptyURL is [URL] for a database without migrations.
func EmptyURL(t testing.TB) string {
	t.Helper()
	return database(t, "template0")
}

// database clones a template, or the migrated one if template is empty. It drops
// the clone when the test ends.
func database(t testing.TB, template string) string {
	t.Helper()
	url, err := clone(t.Context(), template)
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanup)
		defer cancel()
		if err := drop(ctx, url); err != nil {
			t.Errorf("drop test database: %v", err)
		}
	})
	return url
}

// Pool is the service's pool, kept small, for the database at url. It is closed
// when the test ends.
func Pool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	small, err := withParam(url, "pool_max_conns", poolSize)
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	pool, err := postgres.OpenRole(t.Context(), small, postgres.AppRole)
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	t.Cleanup(func() { closePool(t, pool) })
	return pool
}

// closePool does not wait for ever for a connection that the test forgot.
func closePool(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		pool.Close()
	}()
	select {
	case <-closed:
	case <-time.After(cleanup / 3):
		t.Errorf("the test ended and holds %d connections: rows not closed, or a transaction not ended",
			pool.Stat().AcquiredConns())
	}
}
