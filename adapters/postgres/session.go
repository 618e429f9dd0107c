package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// sessionSettings are the settings that the queries rely on, whatever the defaults of
// the server, the database and the login are. The limits of the server for a
// statement are off, because the programs and the migrations have limits of their own.
var sessionSettings = map[string]string{
	"client_encoding":               "UTF8",
	"default_transaction_isolation": "read committed",
	"default_transaction_read_only": "off",
	"lock_timeout":                  "0",
	"search_path":                   "public",
	"statement_timeout":             "0",
	"timezone":                      "UTC",
	// A transaction that is never finished would hold back vacuum.
	"idle_in_transaction_session_timeout": "60000",
}

// setParams sets the start-up parameters that the URL does not set. It sets none
// with role=none, because a pooler in transaction mode refuses them. The login must
// then have the rights of the role.
func setParams(params map[string]string, role string) {
	if isPooled(params) {
		delete(params, "role")
		return
	}
	setDefault(params, "role", role)
	for name, value := range sessionSettings {
		setDefault(params, name, value)
	}
}

// setMigrationParams is setParams for migrations, which work as the login, because
// the schemas belong to it and not to the program's role.
func setMigrationParams(params map[string]string) {
	settings := maps.Clone(sessionSettings)
	settings["lock_timeout"] = lockTimeout
	if isPooled(params) {
		settings = nil
	}
	delete(params, "role")
	for name, value := range settings {
		setDefault(params, name, value)
	}
}

// isPooled reports whether the URL says that the server is a pooler.
func isPooled(params map[string]string) bool { return params["role"] == LoginRole }

// setDefault sets a parameter unless the URL sets it, as a parameter or in options. The
// names of parameters have no case.
func setDefault(params map[string]string, name, value string) {
	for given := range params {
		if strings.EqualFold(given, name) {
			return
		}
	}
	if strings.Contains(strings.ToLower(params["options"]), name+"=") {
		return
	}
	params[name] = value
}

// checkTimeout limits the check of a new connection.
const checkTimeout = 2 * time.Second

// checkSession makes sure that texts arrive as they were sent, and that a commit that
// was acknowledged survives a crash of the server. Otherwise it returns an error with
// the setting and its value.
//
// It turns synchronous_commit on where it is off. Behind a pooler it cannot, because
// the next transaction may run on another connection.
func checkSession(ctx context.Context, conn *pgx.Conn, pooled bool) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if encoding := conn.PgConn().ParameterStatus("client_encoding"); encoding != "" && encoding != "UTF8" {
		return fmt.Errorf("client_encoding is %s, want UTF8: run ALTER ROLE %s SET client_encoding = 'UTF8'",
			encoding, pgx.Identifier{conn.Config().User}.Sanitize())
	}
	sql := "SELECT CASE s WHEN 'off' THEN set_config('synchronous_commit', 'on', false) ELSE s END FROM current_setting('synchronous_commit') s"
	if pooled {
		sql = "SHOW synchronous_commit"
	}
	// The simple protocol takes one round trip.
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return errors.New("synchronous_commit cannot be read")
	}
	if value := string(results[0].Rows[0][0]); value == "off" {
		return fmt.Errorf("synchronous_commit is off, so a crash of the server would lose payments: run ALTER ROLE %s SET synchronous_commit = 'on'",
			pgx.Identifier{conn.Config().User}.Sanitize())
	}
	return nil
}
