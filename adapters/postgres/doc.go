// Package postgres stores everything in PostgreSQL (15 or newer).
//
// A file of a repository has its queries in a file of the same name in db/queries.
// sqlc turns those into internal/dbgen. A method that takes several values is one
// statement over arrays. internal/wire holds the parts that only speed needs.
//
// Not here: decisions. Dates, states and prices come from core/billing. The schema
// repeats its invariants as named constraints, and error.go maps violations of
// those to the errors of the domain.
package postgres
