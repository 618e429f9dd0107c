package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

const someUser = billing.UserID("00000000-0000-7000-8000-000000000001")

// Orders and outcomes come one by one as long as there are few, and are no reason
// to plan each.
func TestShortBatchesAreNotPlannedAnew(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	// As it plans for tables that are not empty.
	if _, err := pool.Exec(t.Context(), "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"); err != nil {
		t.Fatal(err)
	}
	store, now := postgres.NewStore(pool), time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	order := app.OrderQuery{User: someUser, Plan: "basic", PaymentSystem: "s", Token: billing.NewSecret("tok_1")}
	for range 10 { // Postgres tries five times
		err := store.InTx(t.Context(), func(tx app.Repos) error {
			_, err := tx.Orders.Take(t.Context(), order)
			return errors.Join(err, tx.Users.Seen(t.Context(), now, someUser))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	nobodys := billing.Subscription{
		ID: billing.SubscriptionID(someUser), UserID: someUser, MethodID: billing.PaymentMethodID(someUser), Status: billing.StatusActive,
	}
	for i := range 10 {
		event := billing.Event{
			ID: billing.EventID(fmt.Sprintf("00000000-0000-7000-8000-%012d", i)), UserID: someUser, Type: billing.EventSubscribed, At: now,
		}
		err := store.InTx(t.Context(), func(tx app.Repos) error {
			return errors.Join(tx.Events.Append(t.Context(), event), tx.Subscriptions.Save(t.Context(), nobodys),
				tx.Payments.Save(t.Context(), billing.Payment{ID: billing.PaymentID(someUser), UserID: someUser, Status: billing.PaymentPending}))
		})
		if !errors.Is(err, app.ErrChanged) {
			t.Fatal(err)
		}
	}
	rows, err := pool.Query(t.Context(), `SELECT substring(statement, 'name: (\w+)'), custom_plans FROM pg_prepared_statements`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	planned := map[string]int64{}
	for rows.Next() {
		var name *string
		var times int64
		if err := rows.Scan(&name, &times); err != nil {
			t.Fatal(err)
		}
		if name != nil {
			planned[*name] = times
		}
	}
	for _, name := range []string{
		"PlansForShare", "PaymentSystemsNamed", "SubscriptionsLive", "MethodsByToken", "UsersSeen",
		"EventsAppend", "SubscriptionsSave", "PaymentsSave",
	} {
		if times, ok := planned[name]; !ok || times > 5 {
			t.Errorf("%s was planned anew %d times in 10, known %t", name, times, ok)
		}
	}
}

// Everybody who is seen is seen again and again: nobody waits for that.
func TestWhoeverWasSeenAMomentAgoIsNotLocked(t *testing.T) {
	t.Parallel()
	store, now := postgres.NewStore(pgtest.New(t)), time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	seen := func(at time.Time, then func() error) error {
		return store.InTx(t.Context(), func(tx app.Repos) error {
			if err := tx.Users.Seen(t.Context(), at, someUser); err != nil {
				return err
			}
			_, err := tx.Payments.Underway(t.Context()) // sends it
			return errors.Join(err, then())
		})
	}
	nothing := func() error { return nil }
	if err := seen(now, nothing); err != nil {
		t.Fatal(err)
	}
	err := seen(now.Add(time.Second), func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return store.InTx(ctx, func(tx app.Repos) error { return tx.Users.Lock(ctx, someUser) })
	})
	if err != nil {
		t.Errorf("locked for being seen: %v", err)
	}
}
