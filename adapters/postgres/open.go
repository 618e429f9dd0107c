package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What the programs work as. Each role has the rights that the queries of its
// program need: none changes the schema, the history, or the amount and period
// of a payment.
const (
	APIRole   = "billing_api"
	RenewRole = "billing_renew" // opens no card, subscribes nobody
	PanelRole = "billing_panel" // changes the catalogue alone, reads no token and no card number

	// AppRole was there before the others, for API and renewals. It is a member of
	// both, so that logins which were let in to it may do what they could.
	AppRole = "billing_app"

	// LoginRole stands for the login's own rights, which are an operator's.
	LoginRole = "none"
)

// OpenRole makes a pool for the database at url. It connects to nobody yet, so
// that a service starts, and answers "unavailable", while its database is down.
//
// Connections take on the role whatever login the URL names, which must be a
// member of it, unless the URL itself has a role parameter. Times are read and
// written in UTC. Whoever watches the pool may change its configuration.
func OpenRole(ctx context.Context, url, role string, watch ...func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err) // pgx masks the password
	}
	switch cfg.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		// They never ask Postgres for the types of parameters, of which an id that
		// is not there needs its own. Nothing that was charged could be recorded.
		return nil, errors.New("database URL: default_query_exec_mode exec and simple_protocol cannot be used; behind a pooler, use cache_describe")
	case pgx.QueryExecModeDescribeExec:
		// It describes a query in one round trip and executes it in the next. Between
		// the two a pooler may change the connection, and another query is executed.
		return nil, errors.New("database URL: default_query_exec_mode describe_exec cannot be used; behind a pooler, use cache_describe")
	}
	setParams(cfg.ConnConfig.RuntimeParams, role)
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 2 * time.Second
	}
	cfg.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		registerTypes(conn.TypeMap())
		return nil
	}
	for _, w := range watch {
		w(cfg)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("database pool: %w", err)
	}
	return pool, nil
}

// setParams says what connections start with, unless the URL says it. A pooler
// in transaction mode refuses start-up parameters: with role=none there are none
// of ours, and the login itself has to be a member of the role.
func setParams(params map[string]string, role string) {
	if params["role"] == LoginRole {
		delete(params, "role")
		return
	}
	if _, chosen := params["role"]; !chosen {
		params["role"] = role
	}
	// A transaction that its owner forgot must not hold back vacuum.
	if _, chosen := params["idle_in_transaction_session_timeout"]; !chosen {
		params["idle_in_transaction_session_timeout"] = "60000"
	}
}
