// Package pgtest gives every test a migrated Postgres database of its own, in
// about fifty milliseconds, with nothing to prepare: `go test` in a shell or
// an editor, as root or not, any number of packages at once.
//
//	test process ─┐
//	test process ─┼─ one throw-away server, in memory when there is room
//	lingerer ─────┘     template, migrated once ── cloned for every test
//
// The first test process starts the server and, beside it, its own binary once
// more as the lingerer, which keeps the server for the next package and the
// next run, and deletes it when nobody has come for a while. Processes
// that are killed leave nothing running.
//
// With BILLING_TEST_DATABASE_URL set that server is used and none is started.
// Its login has to be a superuser's, and it keeps the templates, named tmpl_….
// Without any Postgres tests fail and say what to install. They are never
// skipped.
//
// It is not here to test without a database: package memory is a store too.
package pgtest
