package postgres_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// manyPayments adds to manyRows: 60,000 payments, one a minute from june 2025 on, of which
// every tenth was declined; a subject, a display name and a card for each user; and 3,000
// entries of the audit.
const manyPayments = `
UPDATE users u SET subject = 'viewer-' || n, display = 'Viewer' || n || '@example.com' FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM users) AS k WHERE k.id = u.id;
INSERT INTO cards SELECT id, id, 'visa', lpad((row_number() OVER (ORDER BY id) % 10000)::text, 4, '0'), 12, 2030, '', '\x00', 1, decode(md5(id::text), 'hex'), '2026-01-01Z' FROM users;
UPDATE payment_methods SET card_id = user_id;
INSERT INTO payments (user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency,
    period_start, period_end, status, decline_code, provider_ref, action_url, contradiction, created_at, settled_at)
SELECT u.id, (substr(hex, 1, 8) || '-' || substr(hex, 9) || '-7000-8000-' || lpad(to_hex(p.n), 12, '0'))::uuid, u.id, u.id, 'bank', 'merchant', 100, CASE p.n % 3 WHEN 0 THEN 'EUR' ELSE 'RUB' END,
    '2025-01-01Z'::timestamptz + p.n / 30000 * interval '1 month', '2025-02-01Z'::timestamptz + p.n / 30000 * interval '1 month',
    CASE WHEN p.n % 10 = 0 THEN 'declined' ELSE 'succeeded' END, CASE WHEN p.n % 10 = 0 THEN 'insufficient_funds' ELSE '' END, 'ref-' || p.n, '', '', at, at
FROM (SELECT n, at, lpad(to_hex((1000 * extract(epoch FROM at))::bigint), 12, '0') AS hex
      FROM (SELECT n, '2025-06-01Z'::timestamptz + n * interval '1 minute' AS at FROM generate_series(0, 59999) AS n) AS t) AS p
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM users) AS u ON u.n = p.n % 30000;
INSERT INTO panel_audit SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '2026-01-01Z'::timestamptz + n * interval '1 minute',
    CASE WHEN n = 7 THEN 'rare' ELSE 'anna' END, '192.0.2.1', 'plan.edit', 'plan' || n % 10, '{}', '{}' FROM generate_series(1, 3000) AS n;
ANALYZE;`

var june = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

// listed is the panel on a database with manyRows and manyPayments.
type listed struct {
	*manyRowsStore
	operators.Panel
}

var vera = operators.Operator{Name: "vera", Role: ports.RoleReader}

func newListed(t *testing.T) listed {
	t.Helper()
	s := newManyRows(t, postgres.PanelRole)
	for _, sql := range []string{manyPayments, "VACUUM ANALYZE payments"} {
		if _, err := s.owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return listed{s, operators.Panel{
		Store: s.Store, Views: s.PanelViews(), Clock: fixed(june.AddDate(0, 9, 0)), Location: time.UTC, SearchTime: time.Hour,
	}}
}

func paymentID(n int) billing.PaymentID {
	hex := fmt.Sprintf("%012x", june.Add(time.Duration(n)*time.Minute).UnixMilli())
	return billing.PaymentID(fmt.Sprintf("%s-%s-7000-8000-%012x", hex[:8], hex[8:], n))
}

// many are the tables that no page may read whole, or sort.
var many = regexp.MustCompile(`Seq Scan on (users|subscriptions|payments|payment_methods|cards|refunds)\b`)

// readsFew fails the test if one of the recorded queries reads a large table whole, or if a
// query for the bound of a stretch sorts. Other queries may sort the rows of their stretch.
// The first stretch of a search by the end of an id is a quarter of this table, so an index
// must be able to answer it, but need not be the fastest way.
func (s *manyRowsStore) readsFew(t *testing.T) {
	t.Helper()
	if len(s.queries) == 0 {
		t.Error("no query was recorded")
	}
	for _, q := range s.queries {
		setting := "on"
		if strings.Contains(q.SQL, "right(id::text, 8)") {
			setting = "off"
		}
		var plan []string
		err := pgx.BeginFunc(t.Context(), s.owner, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "SET LOCAL enable_seqscan = "+setting); err != nil {
				return err
			}
			rows, _ := tx.Query(t.Context(), "EXPLAIN "+q.SQL, q.Args...)
			var err error
			plan, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(plan, "\n")
		bound := strings.Contains(q.SQL, "OFFSET")
		if many.MatchString(text) || bound && strings.Contains(text, "Sort") {
			t.Errorf("%s\nreads or sorts a whole table:\n%s", q.SQL, text)
		}
	}
	s.queries = nil
}

func TestPanelPayments_Pages(t *testing.T) {
	t.Parallel()
	s := newListed(t)
	read := func(f ports.PaymentFilter, c operators.PaymentCursor) operators.PaymentPage {
		t.Helper()
		page, err := s.Payments(t.Context(), vera, f, c, 20)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	ids := func(p operators.PaymentPage) (list []billing.PaymentID) {
		for _, row := range p.Payments {
			list = append(list, row.ID)
		}
		return list
	}
	days := ports.PaymentFilter{Since: june.AddDate(0, 0, 1), Until: june.AddDate(0, 0, 2)} // payments 1440 to 2879
	for name, c := range map[string]struct {
		filter ports.PaymentFilter
		step   int // between two payments
		last   int // newest payment
	}{
		"of two days":  {days, 1, 2879},
		"declined":     {ports.PaymentFilter{Since: days.Since, Until: days.Until, Status: billing.PaymentDeclined}, 10, 2870},
		"for a reason": {ports.PaymentFilter{Since: days.Since, Until: days.Until, DeclineCode: billing.InsufficientFunds}, 10, 2870},
		"of a plan":    {ports.PaymentFilter{Since: days.Since, Until: days.Until, Plan: "basic", System: "bank"}, 1, 2879},
	} {
		var want []billing.PaymentID
		for i := range 40 {
			want = append(want, paymentID(c.last-i*c.step))
		}
		first := read(c.filter, operators.PaymentCursor{})
		second := read(c.filter, operators.PaymentCursor{Before: first.Older})
		if diff := cmp.Diff(want, append(ids(first), ids(second)...)); diff != "" {
			t.Errorf("%s: two pages (-want +got):\n%s", name, diff)
		}
		if first.Newer != "" {
			t.Errorf("%s: the first page has a newer one", name)
		}
		back := read(c.filter, operators.PaymentCursor{After: second.Newer})
		if diff := cmp.Diff(ids(first), ids(back)); diff != "" {
			t.Errorf("%s: back to the first page (-want +got):\n%s", name, diff)
		}
	}
	if page := read(ports.PaymentFilter{Status: billing.PaymentPending}, operators.PaymentCursor{}); len(page.Payments) != 1 || page.Payments[0].PlanCode != "basic" {
		t.Errorf("pending payments: %+v", page)
	}
	if page := read(ports.PaymentFilter{}, operators.PaymentCursor{}); len(page.Payments) != 20 || page.Older == "" {
		t.Errorf("all payments: %+v", page)
	}
	s.readsFew(t)
	// A search for none of them reads the table whole, in stretches.
	for name, f := range map[string]ports.PaymentFilter{
		"another plan": {Plan: "other"}, "another system": {System: "other"}, "another reason": {DeclineCode: billing.CardExpired}, "another time": {Since: june.AddDate(5, 0, 0)},
	} {
		if page := read(f, operators.PaymentCursor{}); len(page.Payments) != 0 || page.Older != "" || page.Stopped {
			t.Errorf("%s: %+v, want an empty last page", name, page)
		}
	}
	totals, err := s.PaymentTotals(t.Context(), vera, ports.PaymentFilter{Since: days.Since, Until: days.Until, Plan: "basic"})
	want := []ports.PaymentTotal{
		{Currency: "EUR", Status: billing.PaymentDeclined, N: 48, Amount: 4800}, {Currency: "EUR", Status: billing.PaymentSucceeded, N: 432, Amount: 43200},
		{Currency: "RUB", Status: billing.PaymentDeclined, N: 96, Amount: 9600}, {Currency: "RUB", Status: billing.PaymentSucceeded, N: 864, Amount: 86400},
	}
	if diff := cmp.Diff(want, totals.ByStatus); diff != "" || err != nil || !totals.Since.IsZero() {
		t.Errorf("totals since %v, %v (-want +got):\n%s", totals.Since, err, diff)
	}
	if totals, err = s.PaymentTotals(t.Context(), vera, ports.PaymentFilter{Plan: "basic"}); err != nil || totals.Since.IsZero() {
		t.Errorf("totals of all payments of a plan: since %v, %v, want a bound", totals.Since, err)
	}
	s.Panel.SearchTime = time.Nanosecond
	stopped := read(ports.PaymentFilter{Plan: "other"}, operators.PaymentCursor{})
	if len(stopped.Payments) != 0 || !stopped.Stopped || stopped.Older == "" {
		t.Errorf("a search without time: %+v, want that it stops with a cursor", stopped)
	}
}

func TestPanelFind_ReadsIndexes(t *testing.T) {
	t.Parallel()
	s := newListed(t)
	find := func(text string, since, until time.Time) operators.Found {
		t.Helper()
		f, err := s.Find(t.Context(), vera, operators.FindQuery{Text: text, Since: since, Until: until})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	var none time.Time
	id := paymentID(41)
	for _, text := range []string{string(id), billing.ShortID(string(id)), "ref-41"} {
		if f := find(text, none, none); len(f.Payments) != 1 || f.Payments[0].ID != id || f.Payments[0].PlanCode != "basic" {
			t.Errorf("%s: found %+v, want payment %s", text, f.Payments, id)
		}
	}
	user := find(string(id), none, none).Payments[0].UserID
	for _, text := range []string{string(user), string(user[:13]), "viewer-42", "VIEWER42@"} {
		if f := find(text, none, none); len(f.Users) != 1 || f.Users[0].ID != user || f.Users[0].Subject != "viewer-42" {
			t.Errorf("%s: found %+v, want user %s", text, f.Users, user)
		}
	}
	if f := find("0042", none, none); len(f.Users) != 3 || f.Users[0].Cards[0] != "visa 12/2030" {
		t.Errorf("by card: %+v, want three users", f.Users)
	}
	if f := find("0042", june, june.Add(time.Hour)); len(f.Users) != 1 || f.Users[0].ID != user {
		t.Errorf("by a card that paid within an hour: %+v, want user %s", f.Users, user)
	}
	if f := find("viewer4", none, none); len(f.Users) != 50 || !f.More {
		t.Errorf("by a frequent name: %d users, more %v", len(f.Users), f.More)
	}
	s.readsFew(t)
}

func TestPanelLists_ReadIndexes(t *testing.T) {
	t.Parallel()
	s := newListed(t)
	for _, f := range []operators.SubscriptionFilter{{}, {Plan: "basic"}, {Status: billing.StatusPastDue}, {Held: true}, {Held: true, Plan: "basic", Hold: billing.CardExpired}} {
		if page, err := s.Subscriptions(t.Context(), vera, f, ports.HeldKey{}, 50); err != nil || len(page.Subscriptions) != 50 {
			t.Errorf("%+v: %d subscriptions, %v, want 50", f, len(page.Subscriptions), err)
		}
	}
	s.readsFew(t)
	// These read the table whole, in stretches.
	for name, c := range map[string]struct {
		filter operators.SubscriptionFilter
		want   int
	}{
		"all": {operators.SubscriptionFilter{}, 30_000}, "past due": {operators.SubscriptionFilter{Status: billing.StatusPastDue, Plan: "basic"}, 12_000},
		"of another plan": {operators.SubscriptionFilter{Plan: "other"}, 0}, "ended": {operators.SubscriptionFilter{Status: billing.StatusEnded}, 0},
		"on hold":           {operators.SubscriptionFilter{Held: true}, 12_000},
		"on hold, a reason": {operators.SubscriptionFilter{Held: true, Hold: billing.AuthenticationRequired}, 1_000},
	} {
		seen := map[billing.SubscriptionID]bool{}
		var after ports.HeldKey
		for range 100 {
			page, err := s.Subscriptions(t.Context(), vera, c.filter, after, 5000)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Subscriptions {
				seen[row.ID] = true
			}
			if after = page.Next; after == (ports.HeldKey{}) {
				break
			}
		}
		if len(seen) != c.want {
			t.Errorf("%s: %d subscriptions, want %d", name, len(seen), c.want)
		}
	}
	s.queries = nil
	users, n, err := s.Users(t.Context(), vera, ports.UserPage{Limit: 50})
	if err != nil || len(users) != 50 || n != operators.MaxCount+1 {
		t.Errorf("%d users of %d, %v", len(users), n, err)
	}
	rare, next, err := s.Audit(t.Context(), vera, ports.AuditFilter{Operator: "rare", Object: "plan7"}, "", 10)
	if err != nil || len(rare) != 1 || next != "" {
		t.Errorf("audit of a rare operator: %v, next %q, %v", rare, next, err)
	}
	recent, next, err := s.Audit(t.Context(), vera, ports.AuditFilter{Until: time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)}, "", 10)
	if err != nil || len(recent) != 10 || next != recent[9].ID || recent[0].Object != "plan9" {
		t.Errorf("audit of an hour: %v, next %q, %v", recent, next, err)
	}
	exported := 0
	err = operators.Export{Views: s.ExportViews()}.Subscriptions(t.Context(), time.Time{}, june.AddDate(9, 0, 0), func(ports.SubscriptionRow) error { exported++; return nil })
	if err != nil || exported != 30_000 {
		t.Errorf("%d subscriptions were exported, %v", exported, err)
	}
	var paid []billing.PaymentID
	err = s.ExportPayments(t.Context(), vera, ports.PaymentFilter{Since: june, Until: june.AddDate(0, 0, 4), Status: billing.PaymentDeclined}, func(p ports.PaymentRow) error {
		paid = append(paid, p.ID)
		return nil
	})
	if err != nil || len(paid) != 576 || paid[0] != paymentID(0) || paid[575] != paymentID(5750) {
		t.Errorf("%d declined payments were exported, %v", len(paid), err)
	}
	s.readsFew(t)
}

// The display name is stored once, changes with the token, and stays if a token has none or
// belongs to another subject.
func TestIdentify_StoresDisplayName(t *testing.T) {
	t.Parallel()
	b := newPanelFixture(t)
	const id = billing.UserID("11111111-1111-4111-8111-111111111111")
	for i, step := range []struct {
		subject, display, want string
		later                  time.Duration
		written                bool
	}{
		{"viewer-1", "", "", 0, true},
		{"viewer-1", "anna@example.com", "anna@example.com", 0, true},
		{"viewer-1", "anna@example.com", "anna@example.com", time.Second, false},
		{"viewer-1", "", "anna@example.com", 2 * time.Second, false},
		{"viewer-1", "anna@example.org", "anna@example.org", 3 * time.Second, true},
		{"viewer-2", "boris@example.com", "anna@example.org", 4 * time.Second, false},
		{"viewer-1", "anna@example.org", "anna@example.org", time.Hour, true},
	} {
		var before, after, stored string
		scan := func(version *string) {
			t.Helper()
			err := b.admin.QueryRow(t.Context(), "SELECT coalesce(max(xmin::text), ''), coalesce(max(display), '') FROM users WHERE id = $1", string(id)).Scan(version, &stored)
			if err != nil {
				t.Fatal(err)
			}
		}
		scan(&before)
		err := b.service.InTx(t.Context(), func(tx ports.Repos) error {
			return tx.Users.Identify(t.Context(), june.Add(step.later), billing.User{ID: id, Subject: step.subject, Display: billing.NewSecret(step.display)})
		})
		if (err != nil) != (step.subject != "viewer-1") {
			t.Errorf("step %d: %v", i, err)
		}
		scan(&after)
		if stored != step.want || (before != after) != step.written {
			t.Errorf("step %d: stored %q, written %v, want %q, %v", i, stored, before != after, step.want, step.written)
		}
	}
}

func TestExport_Events(t *testing.T) {
	t.Parallel()
	b := newPanelFixture(t)
	user, sub := b.subscription(planA)
	const n = 5000 // more than two pages
	b.exec(`INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, decline_code)
		SELECT $1, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'renewed', '2026-03-01Z'::timestamptz + n / 100 * interval '1 second', $2, 'a', ''
		FROM generate_series(1, 5000) AS n`, string(user), string(sub))
	b.exec(`INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, decline_code)
		VALUES ($1, gen_random_uuid(), 'ended', '2026-12-01Z', $2, 'a', '')`, string(user), string(sub))
	seen := map[billing.EventID]bool{}
	var last billing.Event
	err := operators.Export{Views: b.panel.ExportViews()}.Events(t.Context(), june.AddDate(-5, 0, 0), june.AddDate(2, 0, 0), func(e billing.Event) error {
		if e.At.Before(last.At) {
			t.Errorf("event %s of %v comes after %v", e.ID, e.At, last.At)
		}
		seen[e.ID], last = true, e
		return nil
	})
	if err != nil || len(seen) != n+1 || last.Type != billing.EventEnded {
		t.Errorf("%d events, %v, want %d", len(seen), err, n+1)
	}
}
