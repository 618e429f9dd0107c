// Package db embeds the migrations and the queries. goose reads the migrations at
// run time. sqlc reads the service's migrations and the queries when it generates
// code. The benchmark passes the text of the queries to pgbench.
package db

import "embed"

// Migrations holds two sets of goose migrations. The folder "migrations" has the
// service's schema. The folder "simulator" has the simulated payment system's
// schema, with its own version table.
//
//go:embed migrations/*.sql simulator/*.sql
var Migrations embed.FS

// Queries holds the queries that sqlc generates Go code for, in the folder
// "queries".
//
//go:embed queries/*.sql
var Queries embed.FS
