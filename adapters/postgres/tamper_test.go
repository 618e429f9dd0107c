package postgres_test

import (
	"testing"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

// The rights of billing_app are those of its two roles: it changes no amount.
func TestRoles_AppChangesNoAmount(t *testing.T) {
	t.Parallel()
	conn := connectAs(t, pgtest.URL(t), postgres.AppRole)
	for sql, may := range map[string]bool{
		"UPDATE payments SET status = 'succeeded', settled_at = now()": true,
		"UPDATE subscriptions SET cancel_at_period_end = true":         true,
		"UPDATE users SET last_seen_at = now()":                        true,
		"UPDATE cards SET number_ct = NULL, removed_at = now()":        true,
		"SELECT FROM subscriptions FOR NO KEY UPDATE":                  true,
		"UPDATE payments SET amount = 1":                               false,
		"UPDATE payments SET initiator = 'customer'":                   false,
		"UPDATE subscriptions SET price_amount = 1":                    false,
		"UPDATE subscriptions SET interval_months = 1":                 false,
		"UPDATE payment_methods SET user_id = gen_random_uuid()":       false,
		"UPDATE cards SET last4 = '0000'":                              false,
		"UPDATE users SET first_seen_at = now()":                       false,
	} {
		if err := attempt(t.Context(), conn, sql); isDenied(err) == may || may && err != nil {
			t.Errorf("%s: %v, allowed %t", sql, err, may)
		}
	}
}

// Triggers check the rows, so the tables have some: anna is signed in, berta is not,
// and clara is disabled.
func TestRoles_PanelCannotForge(t *testing.T) {
	t.Parallel()
	databaseURL := pgtest.URL(t)
	_, err := openAs(t, databaseURL, postgres.LoginRole).Exec(t.Context(), `
		INSERT INTO panel_users (id, name, role, password_hash, language, created_at, failures, disabled_at)
		VALUES ('00000000-0000-0000-0000-00000000000a', 'anna', 'viewer', 'hash', '', now(), 0, NULL),
		       ('00000000-0000-0000-0000-00000000000b', 'berta', 'editor', 'hash', '', now(), 0, NULL),
		       ('00000000-0000-0000-0000-00000000000c', 'clara', 'editor', 'hash', '', now(), 0, now());
		INSERT INTO panel_sessions (token_hash, user_id, created_at, seen_at, origin)
		VALUES ('a', '00000000-0000-0000-0000-00000000000a', now(), now(), ''), ('c', '00000000-0000-0000-0000-00000000000c', now(), now(), '')`)
	if err != nil {
		t.Fatal(err)
	}
	entry := func(operator, action string) string {
		return "INSERT INTO panel_audit VALUES (gen_random_uuid(), now(), '" + operator + "', '', '" + action + "', '', '{}', '{}')"
	}
	conn := connectAs(t, databaseURL, postgres.PanelRole)
	for sql, may := range map[string]bool{
		"UPDATE panel_users SET failures = 1, locked_until = now(), language = 'ru'":                                true,
		"UPDATE panel_users SET role = role, password_hash = 'hash', disabled_at = disabled_at":                     true,
		"UPDATE panel_users SET role = 'editor'":                                                                    false,
		"UPDATE panel_users SET password_hash = 'mine'":                                                             false,
		"UPDATE panel_users SET disabled_at = NULL":                                                                 false,
		"UPDATE panel_users SET name = 'mine' WHERE name = 'anna'":                                                  false,
		"CREATE TEMP TABLE pg_class (oid oid, relowner oid); UPDATE panel_users SET role = 'editor'":                false,
		entry("anna", "plan.edit"):                                                                                  true,
		entry("anonymous", "panel_user.sign_in_failed"):                                                             true,
		entry("anonymous", "panel_user.lock_out"):                                                                   true,
		entry("anonymous", "plan.edit"):                                                                             false,
		entry("berta", "plan.edit"):                                                                                 false,
		entry("clara", "plan.edit"):                                                                                 false,
		entry("nobody", "plan.edit"):                                                                                false,
		"CREATE TEMP TABLE panel_sessions AS SELECT id AS user_id FROM panel_users; " + entry("berta", "plan.edit"): false,
	} {
		if err := attempt(t.Context(), conn, sql); isDenied(err) == may || may && err != nil {
			t.Errorf("%s: %v, allowed %t", sql, err, may)
		}
	}
}
