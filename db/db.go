// Package db holds the schema and the queries as files: goose reads the
// migrations at run time, sqlc reads both when code is generated, and the
// benchmark drives pgbench with the very text of the queries.
package db

import "embed"

// Migrations holds the goose migrations in the folder "migrations".
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Queries holds what sqlc makes Go of, in the folder "queries".
//
//go:embed queries/*.sql
var Queries embed.FS
