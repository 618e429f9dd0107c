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

// The schema decides who instructs, approves and executes. Anna of the support and the
// editors berta and dora are signed in, clara is not.
func TestRoles_InstructionsCannotBeForged(t *testing.T) {
	t.Parallel()
	databaseURL := pgtest.URL(t)
	instruction := func(id, author, role, state string) string {
		return `INSERT INTO instructions (user_id, id, kind, target, days, amount, currency, end_now, settle_as, reason, author, author_role, origin,
				decided_by, state, fault_code, outcome, created_at)
			VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000` + id + `', 'cancel', gen_random_uuid(), 0, 0, '', false, '', 'x', '` +
			author + `', '` + role + `', '', '', '` + state + `', '', '', now())`
	}
	_, err := openAs(t, databaseURL, postgres.LoginRole).Exec(t.Context(), `
		INSERT INTO panel_users (id, name, role, password_hash, language, created_at, failures)
		VALUES ('00000000-0000-0000-0000-00000000000a', 'anna', 'support', 'hash', '', now(), 0),
		       ('00000000-0000-0000-0000-00000000000b', 'berta', 'editor', 'hash', '', now(), 0),
		       ('00000000-0000-0000-0000-00000000000c', 'clara', 'editor', 'hash', '', now(), 0),
		       ('00000000-0000-0000-0000-00000000000d', 'dora', 'editor', 'hash', '', now(), 0),
		       ('00000000-0000-0000-0000-00000000000e', 'vera', 'viewer', 'hash', '', now(), 0);
		INSERT INTO panel_sessions (token_hash, user_id, created_at, seen_at, origin)
		SELECT decode(right(id::text, 2), 'hex'), id, now(), now(), '' FROM panel_users WHERE name <> 'clara';`+
		instruction("01", "berta", "editor", "waiting_for_approval")+";"+instruction("02", "anna", "support", "open"))
	if err != nil {
		t.Fatal(err)
	}
	const waiting, open = " WHERE id = '00000000-0000-0000-0000-000000000001'", " WHERE id = '00000000-0000-0000-0000-000000000002'"
	decide := func(by string) string {
		return "UPDATE instructions SET state = 'open', decided_by = '" + by + "', decided_at = now()"
	}
	done := "UPDATE instructions SET state = 'done', done_at = now()"
	audit := func(operator string) string {
		return "INSERT INTO panel_audit VALUES (gen_random_uuid(), now(), '" + operator + "', '', 'subscription.cancel', '', '{}', '{}')"
	}
	for role, statements := range map[string]map[string]bool{
		postgres.PanelRole: {
			instruction("03", "anna", "support", "open"):                                                    true,
			instruction("03", "berta", "editor", "open"):                                                    true,
			instruction("03", "anna", "editor", "open"):                                                     false,
			instruction("03", "clara", "editor", "open"):                                                    false,
			instruction("03", "vera", "support", "open"):                                                    false,
			instruction("03", "anna", "support", "done"):                                                    false,
			decide("dora") + waiting:                                                                        true,
			"UPDATE instructions SET state = 'rejected', decided_by = 'dora', decided_at = now()" + waiting: true,
			decide("berta") + waiting:                                                                       false, // the author
			decide("anna") + waiting:                                                                        false,
			decide("clara") + waiting:                                                                       false,
			decide("dora") + open:                                                                           false,
			"UPDATE instructions SET state = 'open'" + waiting:                                              false,
			"UPDATE instructions SET state = 'done'" + open:                                                 false,
		},
		postgres.APIRole: {
			done + open: true,
			"UPDATE instructions SET state = 'refused', fault_code = 'x', outcome = 'x', done_at = now()" + open: true,
			"UPDATE instructions SET state = 'open'" + waiting:                                                   false,
			done + waiting:                   false,
			done + open + "; " + done + open: false,
			audit("anna"):                    true,
			audit("berta"):                   false, // her instruction is not open
			audit("anonymous"):               false,
		},
		postgres.AppRole: {audit("billingctl"): true},
		// One login for all programs, behind a pooler that sets no role.
		postgres.APIRole + ", " + postgres.PanelRole: {
			done + open: true, audit("anna"): true, audit("clara"): false, instruction("03", "clara", "editor", "open"): false, decide("dora") + open: false,
		},
	} {
		conn := connectAs(t, databaseURL, role)
		for sql, may := range statements {
			if err := attempt(t.Context(), conn, sql); (err == nil) != may {
				t.Errorf("%s: %s: %v, allowed %t", role, sql, err, may)
			}
		}
	}
}
