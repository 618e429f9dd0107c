// Package postgres keeps everything in PostgreSQL (15 or newer).
//
// The queries are in db/queries, one file for each file here; sqlc turns them
// into internal/dbgen, which nobody else can import. Every method that takes
// several things is one statement over arrays.
//
// What is not here: decisions. Dates, states and prices come from core/billing;
// the schema repeats its invariants as named constraints, and error.go turns
// their violation into the errors of the domain.
package postgres
