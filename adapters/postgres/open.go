package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres/internal/wire"
)

// Database roles of the programs. Each has the rights that the queries of its
// program need. None may change the schema, the history, or the amount and period
// of a payment.
const (
	APIRole   = "billing_api"
	RenewRole = "billing_renew" // cannot read cards or add subscriptions
	PanelRole = "billing_panel" // writes the catalogue only; cannot read tokens and card numbers

	// AppRole is the older role of both the API and renewals. It is a member of
	// both roles, so that logins which are members of it keep their rights.
	AppRole = "billing_app"

	// LoginRole means no role: connections keep the rights of the login.
	LoginRole = "none"
)

// OpenRole returns a pool for the database at url. It does not connect yet, so that
// a service starts while its database is down, and reports it as unavailable.
//
// Connections assume the role, unless the URL has a role parameter. The login must
// be a member of the role. Times are read and written in UTC. The connections do not
// depend on the defaults of the database: see sessionSettings. The configure functions
// can change the configuration of the pool.
func OpenRole(ctx context.Context, url, role string, configure ...func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err) // pgx masks the password
	}
	switch cfg.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		// These modes do not ask Postgres for parameter types. Without them a missing
		// id cannot be encoded, and no outcome of a charge could be recorded.
		return nil, errors.New("database URL: default_query_exec_mode exec and simple_protocol cannot be used; behind a pooler, use cache_describe")
	case pgx.QueryExecModeDescribeExec:
		// This mode describes a query in one round trip and executes it in the next. In
		// between a pooler may switch the connection, so that another query is executed.
		return nil, errors.New("database URL: default_query_exec_mode describe_exec cannot be used; behind a pooler, use cache_describe")
	}
	pooled := isPooled(cfg.ConnConfig.RuntimeParams)
	setParams(cfg.ConnConfig.RuntimeParams, role)
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 2 * time.Second
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		wire.RegisterTypes(conn.TypeMap())
		return checkSession(ctx, conn, pooled)
	}
	for _, f := range configure {
		f(cfg)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("database pool: %w", err)
	}
	return pool, nil
}
