package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

// The panel's role changes people only together with an entry of the audit, in one
// transaction, by another person: a signed-in editor. People may change their own
// password and second factor. anna and clara are editors, vera is a reader, and clara
// is not signed in.
func TestRoles_PanelChangesPeopleOpenly(t *testing.T) {
	t.Parallel()
	databaseURL := pgtest.URL(t)
	_, err := openAs(t, databaseURL, postgres.LoginRole).Exec(t.Context(), `
		INSERT INTO panel_users (id, name, role, password_hash, language, created_at, failures)
		VALUES ('00000000-0000-0000-0000-00000000000a', 'anna', 'editor', 'hash', '', now(), 0),
		       ('00000000-0000-0000-0000-00000000000b', 'vera', 'viewer', 'hash', '', now(), 0),
		       ('00000000-0000-0000-0000-00000000000c', 'clara', 'editor', 'hash', '', now(), 0);
		UPDATE panel_users SET totp_key_ct = 'key', totp_key_id = 1, totp_since = now(), totp_last_step = 7;
		INSERT INTO panel_sessions (token_hash, user_id, created_at, seen_at, origin)
		VALUES ('a', '00000000-0000-0000-0000-00000000000a', now(), now(), ''), ('b', '00000000-0000-0000-0000-00000000000b', now(), now(), '')`)
	if err != nil {
		t.Fatal(err)
	}
	entry := func(operator, action, object string) string {
		return `INSERT INTO panel_audit VALUES ((lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7000800000000000abcd')::uuid,
			now(), '` + operator + "', '', '" + action + "', '" + object + "', '{}', '{}'); "
	}
	const (
		role     = "UPDATE panel_users SET role = 'editor' WHERE name = 'vera'"
		disable  = "UPDATE panel_users SET disabled_at = now() WHERE name = 'vera'"
		password = "UPDATE panel_users SET password_hash = 'mine', password_temporary = true WHERE name = 'vera'"
		factor   = "UPDATE panel_users SET totp_key_ct = NULL, totp_key_id = NULL, totp_since = NULL, totp_last_step = 0 WHERE name = 'vera'"
		add      = `INSERT INTO panel_users (id, name, role, password_hash, language, created_at, failures)
			VALUES (gen_random_uuid(), 'zoe', 'editor', 'hash', '', now(), 0)`
	)
	byEditor, bySelf := entry("anna", "panel_user.role", "vera"), entry("vera", "panel_user.passwd", "vera")
	conn := connectAs(t, databaseURL, postgres.PanelRole)
	for sql, may := range map[string]bool{
		byEditor + role:     true,
		byEditor + disable:  true,
		byEditor + password: true,
		byEditor + factor:   true,
		entry("anna", "panel_user.add", "zoe") + add: true,
		bySelf + password: true,
		bySelf + factor:   true,
		"UPDATE panel_users SET totp_last_step = 8, recovery_hashes = '{}' WHERE name = 'vera'": true,

		role: false, disable: false, password: false, factor: false, add: false,
		bySelf + role:    false,
		bySelf + disable: false,
		entry("anna", "panel_user.role", "clara") + role:                                                        false,
		entry("anna", "plan.edit", "vera") + role:                                                               false,
		entry("vera", "panel_user.sign_in", "vera") + password:                                                  false,
		entry("anonymous", "panel_user.sign_in_failed", "vera") + password:                                      false,
		entry("vera", "panel_user.role", "anna") + "UPDATE panel_users SET role = 'viewer' WHERE name = 'anna'": false,
		entry("clara", "panel_user.role", "vera") + role:                                                        false,
		entry("anna", "panel_user.role", "anna") + "UPDATE panel_users SET role = 'viewer' WHERE name = 'anna'": false,
		byEditor + "UPDATE panel_users SET name = 'mine' WHERE name = 'vera'":                                   false,
		"UPDATE panel_users SET totp_last_step = 6 WHERE name = 'vera'":                                         false,
		"CREATE TEMP TABLE panel_audit AS SELECT * FROM panel_audit; " + role:                                   false,
		strings.Replace(byEditor, "panel_audit VALUES ((lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')", "panel_audit VALUES ((repeat('0', 12)", 1) + role: false, // the id of another time
	} {
		if err := attempt(t.Context(), conn, sql); isDenied(err) == may || may && err != nil {
			t.Errorf("%s: %v, allowed %t", sql, err, may)
		}
	}
	// An entry of an earlier transaction does not count.
	if _, err := conn.Exec(t.Context(), byEditor, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	if err := attempt(t.Context(), conn, role); !isDenied(err) {
		t.Errorf("after an entry of another transaction: %v", err)
	}
}
