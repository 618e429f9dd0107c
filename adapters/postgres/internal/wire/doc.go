// Package wire is the fast path between the repositories and pgx.
//
//	tx.go, rows.go   a transaction in few round trips: a queue of statements
//	together.go      several queries in one round trip
//	codec.go, array.go, uuid.go, timestamptz.go
//	                 types written without boxing, and read without allocations
//	buffer.go        a write buffer that grows once per batch
//
// It knows tables, queries and billing only as SQL text, arguments and rows.
// Without it everything would work as well, but renewals would be slower.
package wire
