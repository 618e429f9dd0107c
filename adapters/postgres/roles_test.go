package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/adapters/simulator"
)

// rights lists statements that each role may and may not run. The database enforces
// them independently of the code.
var rights = map[string]struct{ may, mayNot []string }{
	postgres.APIRole: {
		may: []string{
			"INSERT INTO users SELECT * FROM users",
			"UPDATE users SET last_seen_at = now(), subject = 'x', display = 'x'",
			"SELECT FROM plans FOR SHARE",
			"SELECT FROM payment_systems, renewal_runs",
			"INSERT INTO payment_methods SELECT * FROM payment_methods",
			"SELECT FROM payment_methods FOR UPDATE",
			"UPDATE payment_methods SET removed_at = now(), token_ct = NULL",
			"INSERT INTO cards SELECT * FROM cards",
			"UPDATE cards SET number_ct = NULL, removed_at = now()",
			"INSERT INTO subscriptions SELECT * FROM subscriptions",
			"UPDATE subscriptions SET cancel_at_period_end = true",
			"INSERT INTO payments SELECT * FROM payments",
			"UPDATE payments SET status = 'succeeded', settled_at = now()",
			"INSERT INTO events SELECT * FROM events",
			"INSERT INTO panel_deltas VALUES (now(), gen_random_uuid(), 'x', '', '', 1, 0)",
			"INSERT INTO idempotency_answers SELECT * FROM idempotency_answers",
			"DELETE FROM idempotency_answers",
			"INSERT INTO saved_methods SELECT * FROM saved_methods",
			"UPDATE saved_methods SET status = 'failed', settled_at = now(), sweep_at = NULL, send_until = NULL",
			"INSERT INTO token_removals SELECT * FROM token_removals",
			"UPDATE token_removals SET forget_at = now()",
			"DELETE FROM token_removals",
			"SELECT secret_ct FROM endpoint_secrets",
			"SELECT FROM endpoints FOR NO KEY UPDATE",
			"UPDATE endpoints SET xact = 1, tries = 1, failing_since = now(), lease = NULL",
			"INSERT INTO deliveries SELECT * FROM deliveries",
			"DELETE FROM deliveries",
			"SELECT FROM test_clock, schema_migrations",
			"SELECT FROM instructions",
			"UPDATE instructions SET state = 'done', done_at = now()",
			"INSERT INTO grants SELECT * FROM grants",
			"INSERT INTO event_authors VALUES (gen_random_uuid(), gen_random_uuid(), 'anna', 'x', NULL)",
		},
		mayNot: []string{
			"INSERT INTO instructions SELECT * FROM instructions",
			"UPDATE instructions SET decided_by = 'x'",
			"UPDATE instructions SET amount = 1",
			"DELETE FROM instructions",
			"SELECT FROM event_authors",
			"UPDATE grants SET period_end = now()",
			"INSERT INTO endpoints SELECT * FROM endpoints",
			"UPDATE endpoints SET url = ''",
			"DELETE FROM endpoints",
			"UPDATE endpoint_secrets SET secret = 'x'",
			"DELETE FROM users",
			"UPDATE users SET first_seen_at = now()",
			"INSERT INTO plans SELECT * FROM plans",
			"UPDATE plans SET price_amount = 1",
			"DELETE FROM plans",
			"UPDATE payment_systems SET archived_at = now()",
			"UPDATE subscriptions SET price_amount = 1",
			"UPDATE subscriptions SET interval_months = 1",
			"DELETE FROM subscriptions",
			"UPDATE payments SET amount = 1",
			"UPDATE payments SET initiator = 'customer'",
			"UPDATE payments SET user_id = gen_random_uuid()",
			"DELETE FROM payments",
			"DELETE FROM cards",
			"UPDATE cards SET last4 = '0000'",
			"DELETE FROM payment_methods",
			"DELETE FROM saved_methods",
			"UPDATE saved_methods SET return_url = ''",
			"UPDATE token_removals SET token_ct = NULL",
			"INSERT INTO renewal_runs VALUES (gen_random_uuid(), now())",
		},
	},
	postgres.RenewRole: {
		may: []string{
			"SELECT FROM plans, payment_systems, payment_methods, subscriptions, payments",
			"SELECT FROM subscriptions FOR NO KEY UPDATE",
			"SELECT FROM payment_methods FOR SHARE",
			"UPDATE payment_methods SET token_ct = NULL, token_key_id = NULL",
			"UPDATE subscriptions SET next_charge_at = now(), status = 'past_due'",
			"INSERT INTO payments SELECT * FROM payments",
			"UPDATE payments SET status = 'declined', settled_at = now()",
			"INSERT INTO events (user_id, id, type, at, plan_code, decline_code) SELECT id, id, '', now(), '', '' FROM payments WHERE false " +
				"RETURNING user_id, subscription_id, type, at, plan_code, amount, currency, decline_code",
			"INSERT INTO panel_deltas VALUES (now(), gen_random_uuid(), 'x', '', '', 1, 0)",
			"INSERT INTO renewal_runs SELECT * FROM renewal_runs ON CONFLICT (id) DO UPDATE SET due = excluded.due",
			"SELECT FROM test_clock, schema_migrations",
		},
		mayNot: []string{
			"SELECT number_ct FROM cards",
			"SELECT last4 FROM cards",
			"INSERT INTO cards SELECT * FROM cards",
			"INSERT INTO users SELECT * FROM users",
			"UPDATE users SET last_seen_at = now()",
			"UPDATE users SET subject = 'x'",
			"UPDATE plans SET price_amount = 1",
			"INSERT INTO subscriptions SELECT * FROM subscriptions",
			"UPDATE subscriptions SET price_amount = 1",
			"UPDATE subscriptions SET user_id = gen_random_uuid()",
			"DELETE FROM subscriptions",
			"UPDATE payments SET amount = 1",
			"DELETE FROM payments",
			"INSERT INTO payment_methods SELECT * FROM payment_methods",
			"UPDATE payment_methods SET removed_at = NULL",
			"SELECT access_until FROM events",
			"SELECT FROM idempotency_answers",
			"SELECT FROM saved_methods",
			"SELECT FROM token_removals",
			"SELECT FROM instructions",
			"INSERT INTO event_authors VALUES (gen_random_uuid(), gen_random_uuid(), 'anna', 'x', NULL)",
			"SELECT FROM endpoints",
			"SELECT FROM endpoint_secrets",
			"SELECT FROM deliveries",
			"DELETE FROM renewal_runs",
		},
	},
	postgres.PanelRole: {
		may: []string{
			"SELECT FROM users, subscriptions, payments, events, renewal_runs, test_clock, schema_migrations",
			"SELECT user_id, id, payment_system, created_at, removed_at, card_id FROM payment_methods",
			"SELECT user_id, id, brand, last4, exp_month, exp_year, created_at, removed_at FROM cards",
			"SELECT user_id, method_id, brand, last4, created_at FROM saved_methods",
			"UPDATE plans SET price_amount = 1",
			"INSERT INTO payment_systems SELECT * FROM payment_systems",
			"DELETE FROM plans",
			"INSERT INTO panel_audit SELECT * FROM panel_audit",
			"UPDATE panel_users SET failures = 0",
			"INSERT INTO panel_users SELECT * FROM panel_users", // with an entry of the audit: see TestRoles_PanelChangesPeopleOpenly
			"DELETE FROM panel_sessions",
			"DELETE FROM panel_deltas",
			"INSERT INTO instructions SELECT * FROM instructions",
			"UPDATE instructions SET state = 'open', decided_by = 'x', decided_at = now()",
			"SELECT FROM event_authors, grants, refunds",
			"SELECT * FROM endpoints, deliveries",
			"UPDATE endpoints SET disabled_at = now(), next_try_at = NULL, replay_from = now(), test_asked_at = now()",
		},
		mayNot: []string{
			"UPDATE instructions SET outcome = 'x'",
			"UPDATE instructions SET amount = 1",
			"DELETE FROM instructions",
			"INSERT INTO event_authors VALUES (gen_random_uuid(), gen_random_uuid(), 'anna', 'x', NULL)",
			"INSERT INTO grants SELECT * FROM grants",
			"INSERT INTO refunds SELECT * FROM refunds",
			"UPDATE payments SET refunded = 1",
			"SELECT secret FROM endpoint_secrets",
			"SELECT secret_ct FROM endpoint_secrets",
			"UPDATE endpoints SET url = ''",
			"UPDATE endpoints SET xact = 1",
			"INSERT INTO endpoints SELECT * FROM endpoints",
			"DELETE FROM deliveries",
			"SELECT token FROM payment_methods",
			"SELECT token_ct FROM payment_methods",
			"SELECT token_fingerprint FROM payment_methods",
			"SELECT * FROM payment_methods",
			"SELECT number_ct FROM cards",
			"SELECT fingerprint FROM cards",
			"SELECT holder FROM cards",
			"SELECT * FROM cards",
			"UPDATE cards SET last4 = '0000'",
			"SELECT FROM idempotency_answers",
			"SELECT return_url FROM saved_methods",
			"SELECT action_url FROM saved_methods",
			"SELECT provider_ref FROM saved_methods",
			"SELECT FROM token_removals",
			"INSERT INTO events SELECT * FROM events",
			"UPDATE subscriptions SET price_amount = 1",
			"UPDATE subscriptions SET cancel_at_period_end = true",
			"INSERT INTO payments SELECT * FROM payments",
			"UPDATE payments SET status = 'succeeded'",
			"UPDATE users SET last_seen_at = now()",
			"DELETE FROM panel_users",
			"UPDATE test_clock SET stands_at = now()",
		},
	},
}

// forbidden lists statements that no role may run.
var forbidden = []string{
	"UPDATE events SET type = 'x'",
	"DELETE FROM events",
	"TRUNCATE events",
	"UPDATE panel_audit SET operator = 'x'",
	"DELETE FROM panel_audit",
	"TRUNCATE panel_audit",
	"SELECT FROM simulator.charges",
	"SELECT FROM simulator.requests",
	"INSERT INTO simulator.tokens VALUES ('x', 1)",
	"UPDATE schema_migrations SET version_id = 0",
	"CREATE TABLE mine ()",
	"CREATE SCHEMA mine",
	"CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
	"ALTER TABLE plans ADD COLUMN mine int",
	"DROP TABLE users",
	"CREATE INDEX ON events (type)",
	"CREATE TRIGGER t BEFORE INSERT ON payments EXECUTE FUNCTION suppress_redundant_updates_trigger()",
	"CREATE ROLE mine",
}

// panelTables are the tables that only the panel may use.
var panelTables = []string{"panel_users", "panel_sessions", "panel_audit", "panel_figures", "panel_totals", "panel_deltas"}

func TestRoles_Rights(t *testing.T) {
	t.Parallel()
	databaseURL := pgtest.URL(t)
	for role, r := range rights {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			mayNot := append(append([]string{}, r.mayNot...), forbidden...)
			if role != postgres.PanelRole {
				for _, table := range panelTables {
					mayNot = append(mayNot, "SELECT FROM "+table, "DELETE FROM "+table)
				}
				mayNot = append(mayNot, "INSERT INTO panel_audit VALUES (gen_random_uuid(), now(), 'anna', '', 'plan.edit', '', '{}', '{}')", "UPDATE panel_totals SET n = 0", "SELECT FROM panel_counts")
			}
			conn := connectAs(t, databaseURL, role)
			for _, sql := range r.may {
				if err := attempt(t.Context(), conn, sql); err != nil {
					t.Errorf("%s: %v", sql, err)
				}
			}
			for _, sql := range mayNot {
				if err := attempt(t.Context(), conn, sql); !isDenied(err) {
					t.Errorf("%s: %v, want insufficient privilege", sql, err)
				}
			}
		})
	}
}

// connectAs connects as a login that is a member of one role only, or of several with commas.
func connectAs(t *testing.T, databaseURL, role string) *pgx.Conn {
	t.Helper()
	owner, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	name := "login_" + strings.ReplaceAll(role, ", ", "_") + "_" + u.Path[1:]
	t.Cleanup(func() {
		_, err := owner.Exec(context.Background(), "DROP ROLE "+name)
		if err = errors.Join(err, owner.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	if _, err := owner.Exec(t.Context(), "CREATE ROLE "+name+" LOGIN IN ROLE "+role); err != nil {
		t.Fatal(err)
	}
	cfg, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	cfg.User = name
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// attempt runs a statement and rolls it back.
func attempt(ctx context.Context, conn *pgx.Conn, sql string) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sql)
	return errors.Join(err, tx.Rollback(ctx))
}

func isDenied(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42501"
}

// TestRoles_NoExcessiveRights checks all tables, even if rights does not list them.
func TestRoles_NoExcessiveRights(t *testing.T) {
	t.Parallel()
	owner := openAs(t, pgtest.URL(t), postgres.LoginRole)
	for _, role := range []string{postgres.AppRole, postgres.APIRole, postgres.RenewRole, postgres.PanelRole, simulator.Role, "public"} {
		rows, err := owner.Query(t.Context(), `
			SELECT format('%s on %s', a.privilege_type, c.oid::regclass)
			FROM pg_class c, aclexplode(c.relacl) a
			WHERE a.grantee = CASE $1 WHEN 'public' THEN 0 ELSE (SELECT oid FROM pg_roles WHERE rolname = $1) END
			  AND c.relnamespace IN ('public'::regnamespace, 'simulator'::regnamespace)
			  AND (a.is_grantable OR a.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
			       OR a.privilege_type <> 'SELECT' AND c.relname = 'schema_migrations'
			       OR a.privilege_type IN ('UPDATE', 'DELETE') AND c.relname IN ('events', 'panel_audit', 'charges'))
			UNION ALL
			SELECT format('UPDATE of %s of %s', t.attname, t.attrelid::regclass)
			FROM pg_attribute t, aclexplode(t.attacl) a
			WHERE a.grantee = (SELECT oid FROM pg_roles WHERE rolname = $1) AND a.privilege_type = 'UPDATE'
			  AND t.attrelid IN ('events'::regclass, 'panel_audit'::regclass)
			UNION ALL
			SELECT format('CREATE in %s', nspname) FROM pg_namespace
			WHERE nspname IN ('public', 'simulator') AND has_schema_privilege($1, oid, 'CREATE')
			UNION ALL
			SELECT format('ownership of %s', oid::regclass) FROM pg_class
			WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = $1)`, role)
		if err != nil {
			t.Fatal(err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			t.Errorf("%s has %s", role, strings.Join(found, ", "))
		}
	}
}
