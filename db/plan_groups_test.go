package db_test

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

const lastBeforeGroupIndex = 22 // the migration before the index of plan groups

// rowsWithoutGroup adds 2,500 viewers of the plan premium and one of the plan sport.
// Their subscriptions have no group, as the previous version wrote them. Viewers 7, 8
// and 9 also have a second one; that of 8 is ended.
const rowsWithoutGroup = `
	INSERT INTO payment_systems VALUES ('s', 'S', now());
	INSERT INTO plans SELECT id::uuid, code, code, 100, 'RUB', 1, '{}', now(), now() FROM (VALUES
		('00000000-0000-7000-b000-000000000001', 'premium'), ('00000000-0000-7000-b000-000000000002', 'basic'),
		('00000000-0000-7000-b000-000000000003', 'sport')) p (id, code);
	CREATE FUNCTION id(n int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('00000000-0000-7000-a000-' || lpad(n::text, 12, '0'))::uuid $$;
	INSERT INTO users SELECT id(n), now(), now() FROM generate_series(1, 2501) n;
	INSERT INTO payment_methods (user_id, id, payment_system, token, created_at) SELECT id(n), id(n), 's', 't', now() FROM generate_series(1, 2501) n;
	CREATE PROCEDURE subscribe(viewer int, sub int, plan text, over timestamptz DEFAULT NULL) LANGUAGE sql AS $$
		INSERT INTO subscriptions (user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency, interval_months,
			status, anchor_at, period_start, period_end, next_charge_at, charging, cancel_at_period_end, latest_payment_id, created_at, started_at, ended_at)
		SELECT id(viewer), id(sub), p.id, id(viewer), 's', 100, 'RUB', 1, CASE WHEN over IS NULL THEN 'active' ELSE 'ended' END,
			now(), now(), now() + '1 month', CASE WHEN over IS NULL THEN now() END, false, false, id(1), now(), now(), over
		FROM plans p WHERE p.code = plan $$;
	DO $$ BEGIN FOR n IN 1..2500 LOOP CALL subscribe(n, n, 'premium'); END LOOP; END $$;
	CALL subscribe(2501, 2501, 'sport'); CALL subscribe(7, 3007, 'basic'); CALL subscribe(8, 3008, 'basic', now());
	CALL subscribe(9, 3009, 'sport');`

// beforeGroupIndex returns the URL of a database at the migration before the index,
// with the rows of rowsWithoutGroup.
func beforeGroupIndex(t *testing.T) (url string) {
	t.Helper()
	url = pgtest.EmptyURL(t)
	upTo(t, firstMigrations(t, url, lastBeforeGroupIndex, ""), lastBeforeGroupIndex)
	exec(t, url, rowsWithoutGroup)
	return url
}

// groupsOf counts the live subscriptions of each plan and stored group.
const groupsOf = `SELECT format('%s %s %s', p.code, s.plan_group, count(*))
	FROM subscriptions s JOIN plans p ON p.id = s.plan_id WHERE s.ended_at IS NULL GROUP BY p.code, s.plan_group ORDER BY 1`

func TestOnePerPlanGroup_StopsAtDuplicates(t *testing.T) {
	t.Parallel()
	database := beforeGroupIndex(t)
	_, err := postgres.Migrate(t.Context(), database, slog.New(slog.DiscardHandler))
	for _, want := range []string{
		"2 times a viewer has several. The first: ",
		"viewer 00000000-0000-7000-a000-000000000007 in group main: 00000000-0000-7000-a000-000000000007 to plan premium, 00000000-0000-7000-a000-000000003007 to plan basic; " +
			"viewer 00000000-0000-7000-a000-000000000009 in group main: ",
		"billingctl plan set-group",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in it", err, want)
		}
	}
	want := []string{"basic  1", "premium  2500", "sport  2"}
	if diff := cmp.Diff(want, lines(t, database, groupsOf)); diff != "" {
		t.Errorf("groups after the error (-want +got):\n%s", diff)
	}

	exec(t, database, `UPDATE plans SET plan_group = 'add-ons' WHERE code = 'sport';
		UPDATE subscriptions SET status = 'ended', ended_at = now(), next_charge_at = NULL WHERE id = id(3007);
		CREATE UNIQUE INDEX subscriptions_one_per_group ON subscriptions (user_id, plan_group) WHERE ended_at IS NULL;
		UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'subscriptions_one_per_group'::regclass;
		UPDATE subscriptions SET plan_group = 'main' WHERE user_id = id(1)`) // an attempt that was interrupted
	migrate(t, database)
	want = []string{"premium main 2500", "sport add-ons 2"}
	if diff := cmp.Diff(want, lines(t, database, groupsOf)); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	index := lines(t, database, `SELECT format('valid: %s, unique: %s', indisvalid, indisunique) FROM pg_index WHERE indexrelid = 'subscriptions_one_per_group'::regclass`)
	if diff := cmp.Diff([]string{"valid: t, unique: t"}, index); diff != "" {
		t.Errorf("index (-want +got):\n%s", diff)
	}
}

// waitsForRow returns a line if a transaction that uses subscriptions waits for another
// one, else none after 10 ms.
const waitsForRow = `
	SELECT 'waits' FROM pg_sleep(0.01), pg_locks waiting JOIN pg_locks held USING (pid)
	WHERE NOT waiting.granted AND waiting.locktype = 'transactionid' AND held.relation = 'subscriptions'::regclass
	  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// The migration commits each thousand rows, and waits for a locked row.
func TestOnePerPlanGroup_WhileServing(t *testing.T) {
	t.Parallel()
	database := beforeGroupIndex(t)
	exec(t, database, `DELETE FROM subscriptions WHERE id IN (id(3007), id(3009))`)
	tx, err := connect(t, database).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM subscriptions WHERE user_id = id(1500) FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := postgres.Migrate(t.Context(), withoutLockTimeout(t, database), slog.New(slog.DiscardHandler))
		done <- err
	}()
	for len(lines(t, database, waitsForRow)) == 0 {
		select {
		case err := <-done:
			t.Fatalf("the migration did not wait for the row: error %v", err)
		default:
		}
	}
	if diff := cmp.Diff([]string{"premium  1500", "premium main 1000", "sport  1"}, lines(t, database, groupsOf)); diff != "" {
		t.Errorf("groups while a row is locked (-want +got):\n%s", diff)
	}
	if _, err := tx.Exec(t.Context(), `UPDATE subscriptions SET cancel_at_period_end = true WHERE user_id = id(1500)`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"premium main 2500", "sport main 1"}, lines(t, database, groupsOf)); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if cancelled := lines(t, database, `SELECT id::text FROM subscriptions WHERE cancel_at_period_end`); len(cancelled) != 1 {
		t.Errorf("%d subscriptions are cancelled, want 1", len(cancelled))
	}
}

func withoutLockTimeout(t *testing.T, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("lock_timeout", "0")
	u.RawQuery = q.Encode()
	return u.String()
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	if _, err := connect(t, url).Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
