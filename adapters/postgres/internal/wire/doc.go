// Package wire is the fast path between the repositories and pgx.
//
//	tx.go, rows.go   a transaction in few round trips: a queue of statements
//	together.go      several queries in one round trip
//	codec.go, array.go, uuid.go, timestamptz.go
//	                 types written without boxing, and read without allocations
//	buffer.go        a write buffer that grows once per batch
//
// It depends neither on the queries nor on billing. Plain pgx could replace it;
// renewals would then be slower.
package wire
