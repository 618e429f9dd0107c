package postgres_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres"
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
