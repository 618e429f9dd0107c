package pgtest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
)

// poolSize limits the connections of a test's pool, because many tests run at the same
// time and share those of the server.
const poolSize = 5

// cleanup is the time limit of the cleanup after a test.
const cleanup = 30 * time.Second

// New returns a pool for a new database, which is migrated and otherwise empty. The
// database is dropped when the test ends. The connections only have the rights of
// [postgres.AppRole].
//
// The test fails if it still holds a connection at its end.
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

// Pool returns a small pool of the service for the database at url. It is closed when
// the test ends.
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

// closePool closes the pool. It fails the test instead of waiting forever for a
// connection that the test has not released.
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
		t.Errorf("the test ended with %d connections in use: close all rows and end all transactions",
			pool.Stat().AcquiredConns())
	}
}
