// Package db holds the schema and the queries as files: goose reads the
// migrations at run time, sqlc reads both when code is generated.
package db

import "embed"

// Migrations holds the goose migrations in the folder "migrations".
//
//go:embed migrations/*.sql
var Migrations embed.FS
