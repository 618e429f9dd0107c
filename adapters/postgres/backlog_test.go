package postgres_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// recorder is a tracer that records the queries of a pool.
type recorder struct {
	mu      sync.Mutex
	queries []pgx.TraceQueryStartData
	batched []*pgx.QueuedQuery // of transactions
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queries = append(r.queries, q)
	return ctx
}

func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batched = append(r.batched, b.Batch.QueuedQueries...)
	return ctx
}

func (*recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (*recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// manyRows has 30,000 subscriptions, half of them due and one with a pending
// payment, 5,000 payments, 4,000 refunds and 4,000 receipts with one pending each, 4,000
// instructions with one open, and three runs. The last run has not finished. 12,000
// subscriptions are on hold: 11,000 for one reason, 1,000 for another. Each subscription has
// a reminder of its previous renewal.
const manyRows = `
INSERT INTO users SELECT gen_random_uuid(), '2026-01-01Z', '2026-01-01Z' FROM generate_series(1, 30000);
INSERT INTO payment_systems VALUES ('bank', 'Bank', '2026-01-01Z');
INSERT INTO payment_methods (user_id, id, payment_system, token, created_at) SELECT id, id, 'bank', 't', '2026-01-01Z' FROM users;
INSERT INTO plans VALUES ('00000000-0000-7000-8000-000000000001', 'basic', 'Basic', 100, 'RUB', 1, '{}', '2026-01-01Z', '2026-01-01Z');
INSERT INTO subscriptions (user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency, interval_months,
    status, hold, anchor_at, period_start, period_end, next_charge_at, past_due_since, grace_until, charging, cancel_at_period_end, latest_payment_id, created_at, started_at)
SELECT id, id, '00000000-0000-7000-8000-000000000001', id, 'bank', 100, 'RUB', 1,
    CASE WHEN held THEN 'past_due' ELSE 'active' END, CASE WHEN held THEN CASE n % 12 WHEN 0 THEN 'authentication_required' ELSE 'card_expired' END END,
    '2026-01-01Z', '2026-01-01Z', '2026-02-01Z', CASE WHEN NOT held THEN '2026-02-01Z'::timestamptz + (n - 15000) * interval '1 second' END,
    CASE WHEN held THEN '2026-02-01Z'::timestamptz END, CASE WHEN held THEN '2026-02-08Z'::timestamptz END, n = 2, false, id, '2026-01-01Z', '2026-01-01Z'
FROM (SELECT id, n, n > 18000 AS held FROM (SELECT id, row_number() OVER () AS n FROM users) AS u) AS u;
INSERT INTO payments (user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency,
    period_start, period_end, status, decline_code, provider_ref, action_url, contradiction, created_at, settled_at, sweep_at, send_until)
SELECT id, id, id, id, 'bank', 'merchant', 100, 'RUB', '2026-01-01Z', '2026-02-01Z',
    CASE WHEN n = 2 THEN 'pending' ELSE 'succeeded' END, '', '', '', '', '2026-01-31T23:00Z',
    CASE WHEN n <> 2 THEN '2026-01-31Z'::timestamptz END, CASE WHEN n = 2 THEN now() END, CASE WHEN n = 2 THEN now() END
FROM (SELECT id, row_number() OVER () AS n FROM users) AS u WHERE n <= 5000;
INSERT INTO refunds (user_id, id, payment_id, subscription_id, payment_system, amount, currency, end_now, requested_by, reason,
    status, decline_code, provider_ref, created_at, settled_at, sweep_at)
SELECT user_id, gen_random_uuid(), id, subscription_id, 'bank', 1, 'RUB', false, 'ann', 'x', CASE WHEN n = 1 THEN 'pending' ELSE 'succeeded' END, '', '',
    '2026-01-31T23:30Z', CASE WHEN n <> 1 THEN '2026-01-31T23:30Z'::timestamptz END, CASE WHEN n = 1 THEN now() END
FROM (SELECT *, row_number() OVER () AS n FROM payments WHERE status = 'succeeded') AS p WHERE n <= 4000;
INSERT INTO receipt_contacts (user_id, id, contact) SELECT id, id, 'ann@example.com' FROM users;
INSERT INTO receipts (user_id, id, payment_id, payment_system, contact_id, item, vat, mode, tax_system, status, created_at, settled_at, look_at)
SELECT user_id, id, id, 'bank', user_id, 'Basic', 'none', 'full_payment', 0, CASE WHEN n = 1 THEN 'pending' ELSE 'registered' END,
    '2026-01-31T23:45Z', CASE WHEN n <> 1 THEN '2026-01-31T23:45Z'::timestamptz END, CASE WHEN n = 1 THEN now() END
FROM (SELECT *, row_number() OVER () AS n FROM payments WHERE status = 'succeeded') AS p WHERE n <= 4000;
INSERT INTO reminders SELECT user_id, id, 'law', '2026-01-01Z', '2025-12-31Z', '2026-01-01Z' FROM subscriptions;
INSERT INTO instructions (user_id, id, kind, target, days, amount, currency, end_now, settle_as, reason, author, author_role, origin, decided_by, state, fault_code, outcome, created_at)
SELECT id, id, 'cancel', id, 0, 0, '', false, '', 'x', 'ann', 'support', '', '', CASE WHEN n <= 2 THEN 'waiting_for_approval' ELSE 'open' END, '', '', '2026-01-31T23:50Z'::timestamptz + n * interval '1 minute'
FROM (SELECT id, row_number() OVER () AS n FROM users) AS u WHERE n <= 4000;
UPDATE instructions SET state = 'done', done_at = now() WHERE state = 'open' AND created_at > '2026-01-31T23:53Z';
INSERT INTO plan_endings (plan_id, started_at, author, reason, origin, viewers, done_at)
SELECT id, '2026-01-31T23:56Z'::timestamptz - n * interval '16 minutes', 'ann', 'x', '', 0, NULL::timestamptz FROM plans, generate_series(0, 1) n;
UPDATE plan_endings SET done_at = now() WHERE started_at < '2026-01-31T23:50Z';
INSERT INTO renewal_runs (id, started_at, finished_at, due, renewed, error) VALUES
    ('00000000-0000-7000-8000-000000000001', '2026-01-31T22:00Z', '2026-01-31T22:01Z', 9, 9, ''),
    ('00000000-0000-7000-8000-000000000002', '2026-01-31T23:00Z', '2026-01-31T23:01Z', 3, 2, 'the database is down'),
    ('00000000-0000-7000-8000-000000000003', '2026-01-31T23:10Z', NULL, 0, 0, '');
ANALYZE;`

func TestBacklog_ReadsIndexesOnly(t *testing.T) {
	t.Parallel()
	s := newManyRows(t, postgres.APIRole)
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	got, err := s.Backlog(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	want := ports.Backlog{
		Pending: 1, OldestPending: now.Add(-time.Hour), Refunds: 1, OldestRefund: now.Add(-30 * time.Minute),
		Receipts: 1, OldestReceipt: now.Add(-15 * time.Minute),
		Instructions: 1, OldestInstruction: now.Add(-7 * time.Minute), Approvals: 2, OldestApproval: now.Add(-9 * time.Minute), OldestPlanEnding: now.Add(-4 * time.Minute), Due: 10_000, OldestDue: now.Add(-14_999 * time.Second),
		Held: map[billing.DeclineCode]int{billing.CardExpired: 10_000, billing.AuthenticationRequired: 1_000},
		LastRun: ports.Run{
			ID: "00000000-0000-7000-8000-000000000002", StartedAt: now.Add(-time.Hour), FinishedAt: now.Add(-59 * time.Minute),
			Summary: ports.Summary{Due: 3, Renewed: 2}, Error: "the database is down",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("backlog (-want +got):\n%s", diff)
	}
	s.readsIndexesOnly(t, 7)
}

// The number of subscriptions on hold grows with the business, and each page of the
// overview counts them.
func TestStanding_ReadsIndexesOnly(t *testing.T) {
	t.Parallel()
	s := newManyRows(t, postgres.PanelRole)
	got, err := s.PanelViews().Figures.Standing(t.Context())
	want := ports.Standing{
		PastDue: 12_000, Held: map[billing.DeclineCode]int{billing.CardExpired: 11_000, billing.AuthenticationRequired: 1_000},
		Unsettled: 1, OldestAt: time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v; standing (-want +got):\n%s", err, diff)
	}
	s.readsIndexesOnly(t, 2)
}

// manyRowsStore is a store of a database with manyRows. It records its queries.
type manyRowsStore struct {
	*postgres.Store
	recorder
	owner *pgxpool.Pool
}

func newManyRows(t *testing.T, role string) *manyRowsStore {
	t.Helper()
	url := pgtest.URL(t)
	s := &manyRowsStore{owner: openAs(t, url, "none")}
	for _, sql := range []string{manyRows, "VACUUM ANALYZE subscriptions"} { // a vacuum cannot run beside other statements
		if _, err := s.owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	pool, err := postgres.OpenRole(t.Context(), url, role, func(c *pgxpool.Config) { c.ConnConfig.Tracer = &s.recorder })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s.Store = postgres.NewStore(pool)
	return s
}

// readsIndexesOnly fails the test if one of the recorded queries, which must be n, scans
// a whole table.
func (s *manyRowsStore) readsIndexesOnly(t *testing.T, n int) {
	t.Helper()
	if len(s.queries) != n {
		t.Errorf("%d queries, want %d", len(s.queries), n)
	}
	for _, q := range s.queries {
		rows, err := s.owner.Query(t.Context(), "EXPLAIN "+q.SQL, q.Args...)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(plan, "\n")
		for _, small := range []string{"renewal_runs", "plan_endings"} { // these tables have one page here
			text = strings.ReplaceAll(text, "Seq Scan on "+small, "")
		}
		if strings.Contains(text, "Seq Scan") {
			t.Errorf("%s scans a table:\n%s", q.SQL, text)
		}
	}
}

func TestBacklog_Empty(t *testing.T) {
	t.Parallel()
	got, err := postgres.NewStore(pgtest.New(t)).Backlog(t.Context(), time.Now())
	if diff := cmp.Diff(ports.Backlog{Held: map[billing.DeclineCode]int{}}, got); diff != "" || err != nil {
		t.Errorf("%v; backlog (-want +got):\n%s", err, diff)
	}
}
