package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// AppRole is the role that every connection of the service takes on. It may
// read and write what the service needs and cannot rewrite history: events
// can be added but not changed or deleted.
const AppRole = "billing_app"

// Open makes a pool for the database at url. It connects to nobody yet, so
// that a service starts, and answers "unavailable", while its database is down.
//
// Connections take on [AppRole] whatever login the URL names, unless the URL
// itself has a role parameter; none stands for the login's own. Times are read
// and written in UTC. Whoever watches the pool may change its configuration.
func Open(ctx context.Context, url string, watch ...func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	return OpenRole(ctx, url, AppRole, watch...)
}

// OpenRole is [Open] with another role to take on.
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
	if params["role"] == "none" {
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
