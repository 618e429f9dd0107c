package postgres_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// manyWindows adds to manyRows: 300 yearly subscriptions and 3,000 grants, of which 200 end with
// the current period. 1,000 renewals are in each window.
const manyWindows = `
UPDATE subscriptions SET interval_months = 12 WHERE (user_id, id) IN (SELECT user_id, id FROM subscriptions WHERE next_charge_at IS NOT NULL ORDER BY next_charge_at LIMIT 300);
UPDATE subscriptions SET period_end = next_charge_at WHERE next_charge_at IS NOT NULL;
INSERT INTO grants SELECT user_id, id, id, next_charge_at - interval '1 day', next_charge_at, 'x', 'ann', 'x', '2026-01-01Z'
FROM subscriptions WHERE next_charge_at IS NOT NULL ORDER BY next_charge_at LIMIT 200;
INSERT INTO grants SELECT user_id, gen_random_uuid(), id, '2025-01-01Z', '2025-01-02Z', 'y', 'ann', 'y', '2025-01-01Z'
FROM subscriptions LIMIT 2800;
ANALYZE;`

func TestReminders_ReadFewRows(t *testing.T) {
	t.Parallel()
	s := newManyRows(t, postgres.RenewRole)
	for _, sql := range []string{manyWindows, "VACUUM ANALYZE subscriptions"} {
		if _, err := s.owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	first := time.Date(2026, 1, 31, 20, 6, 40, 0, time.UTC) // the 1,000th renewal is due
	rules := billing.ReminderRules{Trial: 48 * time.Hour, Long: 48 * time.Hour, Notice: 24 * time.Hour}
	remind := func(reason billing.ReminderReason, now time.Time) ports.ReminderBatch {
		t.Helper()
		ids := make([]billing.EventID, 2000)
		for i := range ids {
			ids[i] = billing.EventID(newUUID())
		}
		batch, err := ports.InTx(t.Context(), s.Store, func(tx ports.Repos) (ports.ReminderBatch, error) {
			return tx.Reminders.Add(t.Context(), ports.ReminderQuery{Reason: reason, Rules: rules, Now: now, IDs: ids})
		})
		if err != nil {
			t.Fatal(err)
		}
		return batch
	}
	for _, c := range []struct {
		reason billing.ReminderReason
		want   int
	}{
		{billing.ReminderTrial, 199}, // not one with a pending payment
		{billing.ReminderLong, 299},  // also those with a grant
		{billing.ReminderLaw, 700},   // the others
	} {
		now := first.Add(-rules.Window(c.reason))
		for _, want := range []int{c.want, 0} {
			if got := remind(c.reason, now); got.Made != want {
				t.Errorf("%s: %d reminders, want %d", c.reason, got.Made, want)
			}
		}
	}
	s.scansNone(t, "RemindersAdd", regexp.MustCompile(`Seq Scan on (subscriptions|reminders|grants)\b`))
	if n := count(t, s.owner, `SELECT sum(n) FROM panel_deltas WHERE type = 'renewal_reminder'`); n != 1198 {
		t.Errorf("the figures have %d reminders, want 1198", n)
	}
}

// mixedRenewals has 60 subscriptions that are charged every eight hours from 31 January on.
// Some are yearly, some have a grant, some are cancelled, and some are being charged.
const mixedRenewals = `
INSERT INTO users SELECT gen_random_uuid(), '2026-01-01Z', '2026-01-01Z' FROM generate_series(1, 60);
INSERT INTO payment_systems VALUES ('bank', 'Bank', '2026-01-01Z');
INSERT INTO payment_methods (user_id, id, payment_system, token, created_at) SELECT id, id, 'bank', 't', '2026-01-01Z' FROM users;
INSERT INTO plans VALUES ('00000000-0000-7000-8000-000000000001', 'basic', 'Basic', 100, 'RUB', 1, '{}', '2026-01-01Z', '2026-01-01Z');
INSERT INTO subscriptions (user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency, interval_months,
    status, anchor_at, period_start, period_end, next_charge_at, charging, cancel_at_period_end, latest_payment_id, created_at, started_at)
SELECT id, id, '00000000-0000-7000-8000-000000000001', id, 'bank', 100, 'RUB', CASE WHEN n % 2 = 0 THEN 12 ELSE 1 END,
    'active', '2026-01-01Z', '2026-01-01Z', at, at, n % 5 = 0, n % 7 = 0, id, '2026-01-01Z', '2026-01-01Z'
FROM (SELECT id, n, '2026-01-31Z'::timestamptz + n * interval '8 hours' AS at FROM (SELECT id, row_number() OVER () AS n FROM users) AS u) AS u;
INSERT INTO grants SELECT user_id, id, id, next_charge_at - interval '1 day', next_charge_at, 'x', 'ann', 'x', '2026-01-01Z'
FROM (SELECT *, row_number() OVER (ORDER BY next_charge_at) AS n FROM subscriptions) AS s WHERE n % 3 = 0;`

// A clock that stops at each moment of NextReminder, until Reminders.Add has made its
// reminders, makes each as early as the rules permit.
func TestNextReminder_MatchesAdd(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, rules := range map[string]billing.ReminderRules{
		"none":               {},
		"before charges":     {Trial: 2 * day, Long: 5 * day},
		"before all charges": {Trial: 2 * day, Long: 5 * day, Notice: day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			owner := openAs(t, pgtest.URL(t), "none")
			if _, err := owner.Exec(t.Context(), mixedRenewals); err != nil {
				t.Fatal(err)
			}
			s := postgres.NewStore(owner)
			remind := func(now time.Time) (made int) {
				t.Helper()
				for _, reason := range rules.Reasons() {
					ids := make([]billing.EventID, 100)
					for i := range ids {
						ids[i] = billing.EventID(newUUID())
					}
					batch, err := ports.InTx(t.Context(), s, func(tx ports.Repos) (ports.ReminderBatch, error) {
						return tx.Reminders.Add(t.Context(), ports.ReminderQuery{Reason: reason, Rules: rules, Now: now, IDs: ids})
					})
					if err != nil {
						t.Fatal(err)
					}
					made += batch.Made
				}
				return made
			}
			start := time.Date(2026, 2, 3, 1, 0, 0, 0, time.UTC)
			now, after, until := start, time.Time{}, start.Add(30*day)
			late := map[time.Time]bool{} // charges that wait for the reminders of the start
			for {
				at, err := s.NextReminder(t.Context(), rules, start, after, until)
				if err != nil {
					t.Fatal(err)
				}
				if at.IsZero() {
					break
				}
				if at.After(now) {
					if n := remind(at.Add(-time.Microsecond)); n > 0 {
						t.Fatalf("%d reminders before %v, want none since %v", n, at, now)
					}
					now = at
				}
				switch n := remind(now); {
				case n == 0 && rules.Notice > 0 && at.Equal(start.Add(rules.Notice)):
					late[at] = true
				case n == 0:
					t.Errorf("no reminder at %v", at)
				}
				after = now
			}
			if n := remind(until); n > 0 {
				t.Errorf("%d reminders at the end, want none", n)
			}
			// Only a required notice is given after the charge is due.
			if at, err := s.NextReminder(t.Context(), rules, until, time.Time{}, until); rules.Notice == 0 && (err != nil || !at.IsZero()) {
				t.Errorf("at the end the next moment is %v, %v; want none", at, err)
			}
			if got := len(late) == 1; got != (rules.Notice > 0) {
				t.Errorf("stopped for late charges at %v", late)
			}
			if n := count(t, owner, `SELECT count(*) FROM reminders`); (n > 0) != (len(rules.Reasons()) > 0) {
				t.Errorf("%d reminders were made", n)
			}
		})
	}
}

// scansNone fails the test if the plan of a recorded query with this name matches forbidden.
func (s *manyRowsStore) scansNone(t *testing.T, query string, forbidden *regexp.Regexp) {
	t.Helper()
	seen := false
	for _, q := range s.batched {
		if !strings.Contains(q.SQL, "-- name: "+query+" ") {
			continue
		}
		seen = true
		rows, _ := s.owner.Query(t.Context(), "EXPLAIN "+q.SQL, q.Arguments...)
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); forbidden.MatchString(text) {
			t.Errorf("%s\nscans a table:\n%s", q.SQL, text)
		}
	}
	if !seen {
		t.Error("the query was not recorded")
	}
}
