package postgres_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// outageEnd is the end of an outage of an hour, five days before the runs.
var outageEnd = time.Date(2026, 3, 29, 3, 0, 0, 0, time.UTC) // in the night of a change to summer time

// crowd is a plan with random subscriptions.
type crowd struct {
	t     *testing.T
	owner *pgxpool.Pool
	store *postgres.Store
	rng   *rand.Rand
	plan  billing.Plan
	subs  map[billing.UserID]billing.Subscription // the live one, or the only one
}

func newUUID() string { return uuid.Must(uuid.NewV7()).String() }

func newCrowd(t *testing.T, seed uint64, n int) crowd {
	t.Helper()
	url := pgtest.URL(t)
	c := crowd{
		t: t, owner: openAs(t, url, "none"), store: postgres.NewStore(pgtest.Pool(t, url)), rng: rand.New(rand.NewPCG(seed, 0)), subs: map[billing.UserID]billing.Subscription{},
		plan: billing.Plan{
			ID: billing.PlanID(newUUID()), Code: "premium", Name: "Premium", Price: billing.Money{Amount: 39900, Currency: "RUB"}, IntervalMonths: 1,
			Features: []string{"hd"}, Group: billing.DefaultGroup, VAT: billing.NoVAT, CreatedAt: outageEnd, UpdatedAt: outageEnd,
		},
	}
	c.tx(func(ctx context.Context, tx ports.Repos) error {
		return errors.Join(
			tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: "bank", Name: "Bank", CreatedAt: outageEnd}), tx.Plans.Add(ctx, c.plan))
	})
	for range n {
		c.add()
	}
	return c
}

func (c crowd) tx(f func(ctx context.Context, tx ports.Repos) error) {
	c.t.Helper()
	ctx := c.t.Context()
	if err := c.store.InTx(ctx, func(tx ports.Repos) error { return f(ctx, tx) }); err != nil {
		c.t.Fatal(err)
	}
}

// add stores a viewer with a random subscription, and returns it.
func (c crowd) add() billing.Subscription {
	c.t.Helper()
	s := c.random(billing.UserID(uuid.NewString()))
	added := s
	if s.Hold != "" { // which Add does not store
		added.NextChargeAt = s.GraceUntil
	}
	c.tx(func(ctx context.Context, tx ports.Repos) error {
		m := billing.PaymentMethod{ID: s.MethodID, UserID: s.UserID, PaymentSystem: "bank", Token: billing.NewSecret("tok"), CreatedAt: s.CreatedAt}
		if err := errors.Join(tx.Users.Seen(ctx, s.CreatedAt, s.UserID), tx.Methods.Add(ctx, m), tx.Subscriptions.Add(ctx, added)); err != nil {
			return err
		}
		return tx.Subscriptions.Save(ctx, s)
	})
	c.subs[s.UserID] = s
	return s
}

// random returns a subscription in any status that the schema allows.
func (c crowd) random(user billing.UserID) billing.Subscription {
	at := func(days int) time.Time {
		return outageEnd.Add(time.Duration(c.rng.Int64N(int64(days)*int64(24*time.Hour))) - time.Duration(days)*12*time.Hour).Truncate(time.Microsecond)
	}
	s := billing.Subscription{
		ID: billing.SubscriptionID(newUUID()), UserID: user, PlanID: c.plan.ID, PlanCode: c.plan.Code, PlanGroup: c.plan.Group,
		MethodID: billing.PaymentMethodID(newUUID()), PaymentSystem: "bank", Price: c.plan.Price, IntervalMonths: 1 + c.rng.IntN(12),
		LatestPaymentID: billing.PaymentID(newUUID()), Status: billing.StatusActive, AnchorAt: outageEnd.AddDate(0, 0, -c.rng.IntN(1000)),
	}
	s.Current.End = at(60)
	s.Current.Start = s.Current.End.AddDate(0, -s.IntervalMonths, 0)
	s.CreatedAt, s.StartedAt, s.NextChargeAt = s.Current.Start, s.Current.Start, s.Current.End
	switch c.rng.IntN(8) {
	case 0:
		s.CancelAtPeriodEnd = true
	case 1:
		s.Charging = true
	case 2, 3:
		s.Status, s.PastDueSince = billing.StatusPastDue, s.Current.End
		s.GraceUntil, s.NextChargeAt = s.Current.End.AddDate(0, 0, 7), s.Current.End.Add(time.Duration(c.rng.IntN(7*24))*time.Hour)
		if c.rng.IntN(2) == 0 {
			s.Hold, s.NextChargeAt = billing.CardExpired, time.Time{}
		}
		s.CancelAtPeriodEnd = c.rng.IntN(4) == 0
	case 4:
		s.Status, s.Charging, s.StartedAt, s.NextChargeAt = billing.StatusIncomplete, true, time.Time{}, time.Time{}
	case 5:
		s.Status, s.EndedAt, s.NextChargeAt = billing.StatusEnded, s.Current.End, time.Time{}
	}
	return s
}

func (c crowd) makeGood(cal billing.Calendar) operators.MakeGood {
	return operators.MakeGood{
		Support: operators.Support{
			Store: c.store, Clock: clocktest.New(outageEnd.AddDate(0, 0, 5)), Calendar: cal, NewID: newUUID, By: operators.Operator{Name: "anna"},
		},
		RenewalGrace: 24 * time.Hour,
	}
}

// stored returns the subscription and the grants of a user.
func (c crowd) stored(s billing.Subscription) (got billing.Subscription, grants []billing.Grant) {
	c.t.Helper()
	c.tx(func(ctx context.Context, tx ports.Repos) error {
		subs, err := tx.Subscriptions.Lock(ctx, ports.SubscriptionKey{User: s.UserID, ID: s.ID})
		if err != nil || len(subs) != 1 {
			return errors.Join(err, errors.New("want one subscription"))
		}
		got = subs[0]
		grants, err = tx.Grants.Of(ctx, s.UserID)
		return err
	})
	return got, grants
}

// Each row of a run for many viewers equals the result of Subscription.Give. Rows that
// get nothing stay as they are.
func TestMakeGood_EachRowIsAsGivenAlone(t *testing.T) {
	t.Parallel()
	for zone, days := range map[string]int{"UTC": 3, "Europe/Berlin": 1, "America/New_York": 0, "Pacific/Apia": 30} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			location, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			c, cal := newCrowd(t, seed, 300), billing.NewCalendar(location)
			m := c.makeGood(cal)
			r := operators.MakeGoodRequest{
				Plan: "premium", Within: billing.Period{Start: outageEnd.Add(-time.Hour), End: outageEnd}, Days: days, Source: "INC-42", Reason: "no picture",
			}
			preview, err := m.Preview(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			tally, err := m.Give(t.Context(), r, preview.Open())
			if err != nil || tally != preview {
				t.Errorf("Give = %+v, %v, want as in the preview: %+v", tally, err, preview)
			}
			given := 0
			for _, before := range c.subs {
				given += c.check(before, r, m, cal)
			}
			if given != tally.Given || given == 0 || tally.Charging == 0 || tally.Over == 0 {
				t.Errorf("%d viewers have a grant; the run counts %+v, want some of each", given, tally)
			}
		})
	}
}

// check compares a row with the rule, and returns 1 if it got time.
func (c crowd) check(before billing.Subscription, r operators.MakeGoodRequest, m operators.MakeGood, cal billing.Calendar) int {
	c.t.Helper()
	got, grants := c.stored(before)
	now := m.Clock.Now()
	stands, _ := before.At(now)
	want, grant, _, err := before.Give(billing.GrantRequest{ID: "x", Days: r.Days, Source: r.Source, By: "anna", Reason: r.Reason}, cal, now)
	if err != nil || !stands.Live() || !before.AccessWithin(r.Within, m.RenewalGrace) {
		if diff := cmp.Diff(before, got); diff != "" || len(grants) > 0 {
			c.t.Errorf("a subscription that gets nothing has changed, or has the grants %v (-want +got):\n%s", grants, diff)
		}
		return 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("subscription (-by the rule +stored), before %+v:\n%s", before, diff)
	}
	if len(grants) != 1 {
		c.t.Errorf("%d grants, want one: %+v", len(grants), before)
		return 1
	}
	if grant.ID = grants[0].ID; grants[0] != grant {
		c.t.Errorf("the grant is %+v, want %+v", grants[0], grant)
	}
	events, err := c.store.Views().Events(c.t.Context(), before.UserID, ports.Page{Limit: 2})
	if err != nil || len(events) != 1 || events[0].Type != billing.EventPeriodGiven || events[0].SubscriptionID != before.ID || !events[0].At.Equal(now) {
		c.t.Errorf("the events are %+v, %v, want one period_given", events, err)
	}
	return 1
}

// Two runs of one source at once give each viewer the time once.
func TestMakeGood_Concurrently(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 7, 300)
	r := operators.MakeGoodRequest{
		Plan: "premium", Within: billing.Period{Start: outageEnd.Add(-time.Hour), End: outageEnd}, Days: 3, Source: "INC-42", Reason: "no picture",
	}
	m := c.makeGood(billing.Calendar{})
	preview, err := m.Preview(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	tallies := make(chan operators.MakeGoodTally, 2)
	for range 2 {
		go func() {
			tally, err := c.makeGood(billing.Calendar{}).Give(t.Context(), r, preview.Open())
			if differs := (*operators.CountDiffersError)(nil); err != nil && !errors.As(err, &differs) {
				t.Errorf("Give: %v", err)
			}
			tallies <- tally
		}()
	}
	if sum := (<-tallies).Given + (<-tallies).Given; sum != preview.Given {
		t.Errorf("the runs gave %d times, want %d", sum, preview.Given)
	}
	for _, before := range c.subs {
		c.check(before, r, m, billing.Calendar{})
	}
}

// A page costs the same wherever it is among the live subscriptions.
func TestGrantCandidates_ReadIndexesOnly(t *testing.T) {
	t.Parallel()
	s := newManyRows(t, "none")
	plans, err := s.Views().Plans(t.Context())
	if err != nil || len(plans) == 0 {
		t.Fatalf("plans: %v, %v", plans, err)
	}
	for _, sql := range []string{ // the tables have one page otherwise
		`INSERT INTO grants SELECT user_id, gen_random_uuid(), id, '2026-01-01Z', '2026-01-02Z', 'INC-41', 'anna', 'x', '2026-01-01Z' FROM subscriptions`,
		`INSERT INTO plans SELECT gen_random_uuid(), 'other-' || n, 'Other', 100, 'RUB', 1, '{}', '2026-01-01Z', '2026-01-01Z' FROM generate_series(1, 10000) n`,
		`ANALYZE grants`, `ANALYZE plans`,
	} {
		if _, err := s.owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	s.queries = nil
	q := ports.GrantQuery{Plan: plans[0].ID, Source: "INC-42", Within: billing.Period{Start: outageEnd.Add(-time.Hour), End: outageEnd}, Limit: 250}
	for range 2 {
		page, err := s.Views().GrantCandidates(t.Context(), q)
		if err != nil || len(page) != q.Limit {
			t.Fatalf("%d candidates, %v, want %d", len(page), err, q.Limit)
		}
		q.After = page[len(page)-1].UserID
	}
	s.readsIndexesOnly(t, 2)
}
