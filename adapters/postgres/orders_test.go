package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const someUser = billing.UserID("00000000-0000-7000-8000-000000000001")

// Under low load a batch has one order or one outcome. Postgres must not plan its
// statement again each time.
func TestBatchStatements_UseGenericPlans(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	// Plans as for tables with rows.
	if _, err := pool.Exec(t.Context(), "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"); err != nil {
		t.Fatal(err)
	}
	store, now := postgres.NewStore(pool), time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	order := ports.CheckoutQuery{User: someUser, Plan: "basic", PaymentSystem: "s", Token: billing.NewSecret("tok_1")}
	for range 10 { // Postgres decides after five executions
		err := store.InTx(t.Context(), func(tx ports.Repos) error {
			_, err := tx.Checkout.Take(t.Context(), order)
			return errors.Join(err, tx.Users.Seen(t.Context(), now, someUser))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	missing := billing.Subscription{
		ID: billing.SubscriptionID(someUser), UserID: someUser, MethodID: billing.PaymentMethodID(someUser), Status: billing.StatusActive,
	}
	for i := range 10 {
		event := billing.Event{
			ID: billing.EventID(fmt.Sprintf("00000000-0000-7000-8000-%012d", i)), UserID: someUser, Type: billing.EventSubscribed, At: now,
		}
		agreed := billing.Event{
			ID: billing.EventID(fmt.Sprintf("00000000-0000-7000-8001-%012d", i)), UserID: someUser, Type: billing.EventAgreed, At: now,
			Agreement: billing.Agreement{FirstChargeAt: now},
		}
		err := store.InTx(t.Context(), func(tx ports.Repos) error {
			return errors.Join(tx.Events.Append(t.Context(), event, agreed), tx.Subscriptions.Save(t.Context(), missing),
				tx.Payments.Save(t.Context(), billing.Payment{ID: billing.PaymentID(someUser), UserID: someUser, Status: billing.PaymentPending}))
		})
		if !errors.Is(err, ports.ErrChanged) {
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
		"EventsAppend", "EventsAppendAgreed", "SubscriptionsSave", "PaymentsSave",
	} {
		if times, ok := planned[name]; !ok || times > 5 {
			t.Errorf("%s: %d custom plans in 10 executions, prepared %t; want at most 5", name, times, ok)
		}
	}
}

// A user is registered with each request, so requests must not wait for each other.
func TestUsers_DoNotLockRecentlySeenUser(t *testing.T) {
	t.Parallel()
	for name, see := range map[string]func(ctx context.Context, tx ports.Repos, at time.Time) error{
		"seen": func(ctx context.Context, tx ports.Repos, at time.Time) error { return tx.Users.Seen(ctx, at, someUser) },
		"identified": func(ctx context.Context, tx ports.Repos, at time.Time) error {
			return tx.Users.Identify(ctx, at, billing.User{ID: someUser, Subject: "s"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, now := postgres.NewStore(pgtest.New(t)), time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
			seen := func(at time.Time, then func() error) error {
				return store.InTx(t.Context(), func(tx ports.Repos) error {
					if err := see(t.Context(), tx, at); err != nil {
						return err
					}
					_, err := tx.Leases.MaxSendRemaining(t.Context()) // sends the queued statement
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
				return store.InTx(ctx, func(tx ports.Repos) error { return tx.Users.Lock(ctx, someUser) })
			})
			if err != nil {
				t.Errorf("the user is locked: %v", err)
			}
		})
	}
}

// Two orders of a viewer for plans of a group do not see each other. The one that loses
// runs again, and finds the other's subscription.
func TestOrders_LoserOfGroupFindsWinner(t *testing.T) {
	t.Parallel()
	store, now := postgres.NewStore(pgtest.New(t)), time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	method := billing.PaymentMethod{ID: billing.PaymentMethodID(someUser), UserID: someUser, PaymentSystem: "s", Token: billing.NewSecret("tok_1"), CreatedAt: now}
	plans := map[string]billing.Plan{}
	for i, code := range []string{"basic", "plus"} {
		plans[code] = billing.Plan{
			ID: billing.PlanID(fmt.Sprintf("00000000-0000-7000-b000-%012d", i)), Code: code, Name: code,
			Price: billing.Money{Amount: 100, Currency: "RUB"}, IntervalMonths: 1, Group: "g", CreatedAt: now, UpdatedAt: now,
		}
	}
	err := store.InTx(t.Context(), func(tx ports.Repos) error {
		return errors.Join(
			tx.PaymentSystems.Add(t.Context(), billing.PaymentSystem{Code: "s", Name: "S", CreatedAt: now}),
			tx.Plans.Add(t.Context(), plans["basic"]), tx.Plans.Add(t.Context(), plans["plus"]),
			tx.Users.Seen(t.Context(), now, someUser), tx.Methods.Add(t.Context(), method))
	})
	if err != nil {
		t.Fatal(err)
	}
	// order calls taken when it has read the live subscriptions.
	order := func(plan string, id billing.SubscriptionID, taken func()) error {
		return store.InTx(t.Context(), func(tx ports.Repos) error {
			facts, err := tx.Checkout.Take(t.Context(), ports.CheckoutQuery{User: someUser, Plan: plan})
			if err != nil {
				return err
			}
			taken()
			if err := facts[0].Plan.RefuseOrder(facts[0].Live...); err != nil {
				return err
			}
			sub, _, _, err := billing.Order{Subscription: id, Payment: billing.PaymentID(id), Plan: plans[plan], Method: method, Shown: plans[plan].Price}.
				Start(now, billing.Calendar{})
			return errors.Join(err, tx.Subscriptions.Add(t.Context(), sub))
		})
	}
	const winner, loser = billing.SubscriptionID("00000000-0000-7000-c000-000000000001"), billing.SubscriptionID("00000000-0000-7000-c000-000000000002")
	nested := false
	err = order("plus", loser, func() {
		if nested {
			return
		}
		nested = true
		if err := order("basic", winner, func() {}); err != nil {
			t.Error(err)
		}
	})
	var refused *billing.PlanGroupTakenError
	if !errors.As(err, &refused) || refused.Live.ID != winner {
		t.Errorf("got error %v, want one that names %s", err, winner)
	}
}
