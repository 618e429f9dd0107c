// Package pgtest gives each test its own migrated Postgres database, in about fifty
// milliseconds. It needs no preparation: `go test` works in a shell or an editor, as
// root or not, with any number of packages at the same time.
//
//	test process ─┐
//	test process ─┼─ one temporary server, in memory if that has space
//	keeper ───────┘     template, migrated once ── cloned for each test
//
// The first test process starts the server. It also starts its own binary again as
// the keeper. The keeper keeps the server for the next package and the next run, and
// deletes it when no process has used it for a while. Killed processes leave nothing
// running.
//
// If BILLING_TEST_DATABASE_URL is set, tests use that server, and none is started.
// Its login must be a superuser. The templates, named tmpl_…, remain on it. Without
// Postgres the tests fail, and their message lists the packages to install. They are
// never skipped.
//
// For tests without a database, use the store of package memory.
package pgtest
