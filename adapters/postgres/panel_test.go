package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/storetest"
)

func openAs(t *testing.T, url, role string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.OpenRole(t.Context(), url, role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestPanelStore(t *testing.T) {
	t.Parallel()
	storetest.RunPanel(t, func(t *testing.T) storetest.PanelHarness {
		url := pgtest.URL(t)
		service := postgres.NewStore(openAs(t, url, postgres.AppRole))
		return storetest.PanelHarness{
			Harness: storetest.Harness{Store: service, Payments: service},
			Panel:   postgres.NewStore(openAs(t, url, postgres.PanelRole)),
			Owner:   postgres.NewStore(openAs(t, url, "none")),
		}
	})
}

// panelFixture is a database with two plans.
type panelFixture struct {
	t       *testing.T
	admin   *pgxpool.Pool
	panel   *postgres.Store
	service *postgres.Store
	n       int
}

func newPanelFixture(t *testing.T) *panelFixture {
	t.Helper()
	url := pgtest.URL(t)
	b := &panelFixture{
		t: t, admin: openAs(t, url, "none"),
		panel: postgres.NewStore(openAs(t, url, postgres.PanelRole)), service: postgres.NewStore(openAs(t, url, postgres.AppRole)),
	}
	b.exec(`INSERT INTO payment_systems VALUES ('sim', 'Sim', now());
		INSERT INTO plans VALUES ('00000000-0000-0000-0000-00000000000a', 'a', 'A', 100, 'RUB', 1, '{}', now(), now()),
			('00000000-0000-0000-0000-00000000000b', 'b', 'B', 100, 'RUB', 1, '{}', now(), now())`)
	return b
}

func (b *panelFixture) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.admin.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

const (
	planA = billing.PlanID("00000000-0000-0000-0000-00000000000a")
	planB = billing.PlanID("00000000-0000-0000-0000-00000000000b")
)

// subscription adds an ended subscription, which only needs its keys to be valid.
func (b *panelFixture) subscription(plan billing.PlanID) (billing.UserID, billing.SubscriptionID) {
	b.t.Helper()
	b.n++
	user, sub := fmt.Sprintf("%08d-0000-0000-0000-000000000001", b.n), fmt.Sprintf("%08d-0000-0000-0000-000000000002", b.n)
	b.exec(`INSERT INTO users VALUES ($1, '2026-01-01', '2026-01-01')`, user)
	b.exec(`INSERT INTO payment_methods VALUES ($1, $2, 'sim', 'tok', now())`, user, sub)
	b.exec(`INSERT INTO subscriptions (user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency,
			interval_months, status, anchor_at, period_start, period_end, cancel_at_period_end, latest_payment_id, created_at, ended_at, charging)
		VALUES ($1, $2, $3, $2, 'sim', 100, 'RUB', 1, 'ended', '2026-01-01', '2026-01-01', '2026-02-01', false, $2, now(), now(), false)`,
		user, sub, string(plan))
	return billing.UserID(user), billing.SubscriptionID(sub)
}

func (b *panelFixture) append(events ...billing.Event) {
	b.t.Helper()
	for i := range events {
		b.n++
		events[i].ID = billing.EventID(fmt.Sprintf("01900000-0000-7000-8000-%012d", b.n))
	}
	err := b.service.InTx(b.t.Context(), func(tx ports.Repos) error { return tx.Events.Append(b.t.Context(), events...) })
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestFigures_CountEvents(t *testing.T) {
	t.Parallel()
	b := newPanelFixture(t)
	views := b.panel.PanelViews()
	at := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	rub := func(n int64) billing.Money { return billing.Money{Amount: n, Currency: "RUB"} }
	var all []billing.Event
	for range 3 {
		user, sub := b.subscription(planA)
		all = append(all, billing.Event{UserID: user, SubscriptionID: sub, Type: billing.EventSubscribed, At: at, PlanCode: "a", Amount: rub(100)})
	}
	user, sub := b.subscription(planB)
	all = append(all,
		billing.Event{UserID: user, SubscriptionID: sub, Type: billing.EventSubscribed, At: at.Add(-time.Hour), PlanCode: "b", Amount: rub(7)},
		billing.Event{UserID: user, SubscriptionID: sub, Type: billing.EventPaymentDeclined, At: at, PlanCode: "b", Amount: rub(7), DeclineCode: "card_expired"},
		// No figure counts an agreement, because it moves no money.
		billing.Event{UserID: user, SubscriptionID: sub, Type: billing.EventAgreed, At: at, PlanCode: "b", Agreement: billing.Agreement{
			Price: rub(7), IntervalMonths: 1, DueNow: rub(7), FirstChargeAt: at,
		}},
		// The plan had another code at that time.
		billing.Event{UserID: user, SubscriptionID: sub, Type: billing.EventEnded, At: at, PlanCode: "old-b"})
	b.append(all...)
	hour := at.Truncate(time.Hour)
	want := []ports.Figure{
		{Hour: hour.Add(-time.Hour), Plan: planB, Type: billing.EventSubscribed, Currency: "RUB", N: 1, Amount: 7},
		{Hour: hour, Plan: planB, Type: billing.EventEnded, N: 1},
		{Hour: hour, Plan: planB, Type: billing.EventPaymentDeclined, DeclineCode: "card_expired", Currency: "RUB", N: 1, Amount: 7},
		{Hour: hour, Plan: planA, Type: billing.EventSubscribed, Currency: "RUB", N: 3, Amount: 300},
	}
	check := func(when string, want []ports.Figure, live map[billing.PlanID]int) {
		t.Helper()
		got, err := views.Figures.Figures(t.Context(), hour.Add(-24*time.Hour), hour.Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		less := cmp.Transformer("sort", func(list []ports.Figure) map[ports.Figure]bool {
			set := map[ports.Figure]bool{}
			for _, f := range list {
				set[f] = true
			}
			return set
		})
		if diff := cmp.Diff(want, got, less); diff != "" || len(got) != len(want) {
			t.Errorf("figures %s (-want +got):\n%s", when, diff)
		}
		subscribers, err := views.Catalog.Subscribers(t.Context())
		if diff := cmp.Diff(live, subscribers); diff != "" || err != nil {
			t.Errorf("subscribers %s: %v\n%s", when, err, diff)
		}
		oldest, err := views.History.Oldest(t.Context())
		if err != nil || !oldest.Equal(hour.Add(-time.Hour)) {
			t.Errorf("oldest %s: %v, %v", when, oldest, err)
		}
	}
	live := map[billing.PlanID]int{planA: 3, planB: 0}
	check("before folding", want, live)
	for range 2 { // the second call finds nothing to fold
		if err := b.panel.Fold(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("after folding", want, live)
	}
	b.append(billing.Event{UserID: user, SubscriptionID: sub, Type: billing.EventEnded, At: at, PlanCode: "b"})
	want[1].N, live[planB] = 2, -1
	check("with a newer event", want, live)
	if err := b.panel.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("after folding the newer event", want, live)
}

func TestFigures_RolledBackWithTransaction(t *testing.T) {
	t.Parallel()
	b := newPanelFixture(t)
	user, sub := b.subscription(planA)
	errRollback := errors.New("rollback")
	err := b.service.InTx(t.Context(), func(tx ports.Repos) error {
		return errors.Join(errRollback, tx.Events.Append(t.Context(), billing.Event{
			ID: "01900000-0000-7000-8000-000000000001", UserID: user, SubscriptionID: sub, Type: billing.EventSubscribed, At: time.Now(), PlanCode: "a",
		}))
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
	if live, err := b.panel.PanelViews().Catalog.Subscribers(t.Context()); len(live) != 0 || err != nil {
		t.Errorf("subscribers %v, error %v", live, err)
	}
}

func TestFold_ConcurrentCallsCountOnce(t *testing.T) {
	t.Parallel()
	b := newPanelFixture(t)
	user, sub := b.subscription(planA)
	for range 50 {
		b.append(billing.Event{UserID: user, SubscriptionID: sub, Type: billing.EventSubscribed, At: time.Now(), PlanCode: "a"})
	}
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() { errs <- b.panel.Fold(context.WithoutCancel(t.Context())) }()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if live, err := b.panel.PanelViews().Catalog.Subscribers(t.Context()); live[planA] != 50 || err != nil {
		t.Errorf("subscribers %v, error %v", live, err)
	}
}

func TestPanelViews_Lists(t *testing.T) {
	t.Parallel()
	b := newPanelFixture(t)
	views := b.panel.PanelViews()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 5 {
		user, sub := b.subscription(planA)
		b.append(billing.Event{UserID: user, SubscriptionID: sub, Type: billing.EventSubscribed, At: at.Add(time.Duration(i/2) * time.Hour), PlanCode: "a"})
	}
	var ids []billing.UserID
	page := ports.UserPage{Limit: 2}
	for range 3 {
		rows, err := views.Users.Users(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		page.BeforeAt, page.BeforeID = rows[len(rows)-1].FirstSeenAt, rows[len(rows)-1].ID
	}
	if len(ids) != 5 || ids[0] != "00000009-0000-0000-0000-000000000001" {
		t.Errorf("paged users: %v", ids)
	}
	if _, err := views.Users.User(t.Context(), "ffffffff-0000-0000-0000-000000000000"); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("unknown user: %v", err)
	}
	if p, err := views.Catalog.Plan(t.Context(), planA); err != nil || p.ID != planA || p.Subscribers != 5 {
		t.Errorf("plan with five subscribers: %+v, %v", p, err)
	}
	if _, err := views.Catalog.Plan(t.Context(), "ffffffff-0000-0000-0000-000000000000"); !errors.Is(err, billing.ErrPlanNotFound) {
		t.Errorf("unknown plan: %v", err)
	}
	if _, err := views.Catalog.PaymentSystem(t.Context(), "none"); !errors.Is(err, billing.ErrPaymentSystemNotFound) {
		t.Errorf("unknown payment system: %v", err)
	}
	panel := operators.Panel{Store: b.panel, Views: views, Clock: fixed(at.Add(48 * time.Hour)), Location: time.UTC, SearchTime: time.Minute}
	reader := operators.Operator{Name: "vera", Role: ports.RoleReader}
	var seen []billing.EventID
	q := ports.EventQuery{Limit: 2}
	for range 10 {
		p, err := panel.History(t.Context(), reader, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			seen = append(seen, e.ID)
		}
		if p.Next.Until.IsZero() {
			break
		}
		q.Until, q.BeforeAt, q.BeforeID = p.Next.Until, p.Next.BeforeAt, p.Next.BeforeID
	}
	want := []billing.EventID{
		"01900000-0000-7000-8000-000000000010", "01900000-0000-7000-8000-000000000008", "01900000-0000-7000-8000-000000000006",
		"01900000-0000-7000-8000-000000000004", "01900000-0000-7000-8000-000000000002",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("history in pages (-want +got):\n%s", diff)
	}
	for _, none := range []ports.EventQuery{
		{Limit: 9, Type: billing.EventEnded}, {Limit: 9, PlanCode: "b"}, {Limit: 9, Until: at}, {Limit: 9, Since: at.Add(3 * time.Hour)},
	} {
		if p, err := panel.History(t.Context(), reader, none); len(p.Events) != 0 || err != nil {
			t.Errorf("%+v: %v, %v", none, p.Events, err)
		}
	}
}

// fixed is a stopped clock.
type fixed time.Time

func (f fixed) Now() time.Time { return time.Time(f) }

func TestPanelDashboard(t *testing.T) {
	t.Parallel()
	b := newPanelFixture(t)
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 31, 22, 30, 0, 0, time.UTC) // 1 April in Moscow
	user, sub := b.subscription(planA)
	event := func(kind billing.EventType, at time.Time, amount int64, why billing.DeclineCode) billing.Event {
		e := billing.Event{UserID: user, SubscriptionID: sub, Type: kind, At: at, PlanCode: "a", DeclineCode: why}
		if amount > 0 {
			e.Amount = billing.Money{Amount: amount, Currency: "RUB"}
		}
		return e
	}
	b.append(
		event(billing.EventSubscribed, now, 100, ""),
		event(billing.EventRenewed, now.Add(-2*time.Hour), 100, ""), // 31 March in Moscow
		event(billing.EventPaymentDeclined, now, 100, "card_expired"),
		event(billing.EventEnded, now.AddDate(0, 0, -40), 0, ""), // too long ago
		event(billing.EventSubscribed, now.AddDate(0, 0, -40), 100, ""),
	)
	b.exec(`UPDATE subscriptions SET status = 'past_due', ended_at = NULL, next_charge_at = $1, past_due_since = $1, grace_until = $1`, now.Add(-time.Hour))
	b.subscription(planA) // also due, but canceled
	b.exec(`UPDATE subscriptions SET status = 'active', ended_at = NULL, next_charge_at = $1, cancel_at_period_end = true
		WHERE status = 'ended'`, now.Add(time.Hour))
	b.exec(`INSERT INTO renewal_runs (id, started_at, renewed) VALUES ('01900000-0000-7000-8000-000000000001', $1, 3),
		('01900000-0000-7000-8000-000000000002', $1, 5)`, now)
	panel := operators.Panel{Store: b.panel, Views: b.panel.PanelViews(), Clock: fixed(now), Location: moscow}
	d, err := panel.Dashboard(t.Context(), operators.Operator{Name: "vera", Role: ports.RoleReader})
	if err != nil {
		t.Fatal(err)
	}
	last := d.Days[len(d.Days)-1]
	before := d.Days[len(d.Days)-2]
	if want := time.Date(2026, 4, 1, 0, 0, 0, 0, moscow); !last.Start.Equal(want) || len(d.Days) != 30 {
		t.Errorf("%d days, last from %v; want 30, last from %v", len(d.Days), last.Start, want)
	}
	if last.New != 1 || last.Revenue["RUB"] != 100 || before.New != 0 || before.Revenue["RUB"] != 100 {
		t.Errorf("last two days: %+v, %+v", before, last)
	}
	ended := 0
	for _, day := range d.Days {
		ended += day.Ended
	}
	if ended != 0 || d.Active != 0 || d.Standing.PastDue != 1 || d.Runs.Summary.Renewed != 8 || d.Runs.N != 2 {
		t.Errorf("ended %d, active %d, %+v, %+v", ended, d.Active, d.Standing, d.Runs)
	}
	wantRevenue := []operators.Revenue{{Currency: "RUB", ByPlan: []operators.Share[string]{{Of: "a", N: 2, Amount: billing.Money{Amount: 200, Currency: "RUB"}}}}}
	if diff := cmp.Diff(wantRevenue, d.Revenue); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]operators.Share[billing.DeclineCode]{{Of: "card_expired", N: 1}}, d.Declines); diff != "" {
		t.Error(diff)
	}
	if d.Due[0].N != 1 || len(d.Due) != 35 {
		t.Errorf("due: %+v", d.Due)
	}
}

func TestStanding_Holds(t *testing.T) {
	t.Parallel()
	b := newPanelFixture(t)
	pastDue := `UPDATE subscriptions SET status = 'past_due', ended_at = NULL, past_due_since = now(), grace_until = now(), hold = $2, next_charge_at = $3 WHERE id = $1`
	for _, s := range []struct {
		hold any
		next any
	}{
		{billing.CardExpired, nil}, {billing.CardExpired, nil}, {billing.ActionExpired, nil},
		{nil, time.Now()},                 // is tried again
		{billing.CardExpired, time.Now()}, // a payment of the previous version did not clear the hold
	} {
		_, id := b.subscription(planA)
		b.exec(pastDue, string(id), s.hold, s.next)
	}
	_, ended := b.subscription(planA)
	b.exec(`UPDATE subscriptions SET hold = 'card_expired' WHERE id = $1`, string(ended)) // by the previous version, too
	panel := operators.Panel{Store: b.panel, Views: b.panel.PanelViews(), Clock: fixed(time.Now()), Location: time.UTC}
	d, err := panel.Dashboard(t.Context(), operators.Operator{Name: "vera", Role: ports.RoleReader})
	if err != nil {
		t.Fatal(err)
	}
	want := []operators.Share[billing.DeclineCode]{{Of: billing.CardExpired, N: 2}, {Of: billing.ActionExpired, N: 1}}
	if diff := cmp.Diff(want, d.Held); diff != "" || d.Standing.PastDue != 5 {
		t.Errorf("%d past due, want 5; on hold (-want +got):\n%s", d.Standing.PastDue, diff)
	}
}
