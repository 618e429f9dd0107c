package postgres_test

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// given makes the stored subscription one that was given.
const given = `UPDATE subscriptions SET status = 'active', charging = false, started_at = created_at, payment_method_id = NULL,
	latest_payment_id = NULL, payment_system = '', consent_mac = NULL, cancel_at_period_end = true, next_charge_at = NULL`

// The schema repeats that a subscription without a payment method is never charged.
func TestGiven_Constraints(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.subscribe(w.link(w.encrypting, 1).ID)
	w.exec(given)
	for name, c := range map[string]struct{ set, constraint string }{
		"a next charge":               {"next_charge_at = period_end", "subscriptions_given"},
		"a pending payment":           {"charging = true", "subscriptions_given"},
		"a renewal":                   {"cancel_at_period_end = false", "subscriptions_given"},
		"a grace":                     {"status = 'past_due', hold = 'card_expired'", "subscriptions_given"},
		"a payment":                   {"latest_payment_id = id", "subscriptions_given"},
		"a payment system":            {"payment_system = 'bank'", "subscriptions_given"},
		"a consent":                   {"consent_mac = '\\x00'", "subscriptions_given"},
		"a method without a payment":  {"payment_method_id = (SELECT id FROM payment_methods LIMIT 1), next_charge_at = period_end", "subscriptions_given"},
		"a method without a schedule": {"payment_method_id = (SELECT id FROM payment_methods LIMIT 1), latest_payment_id = id", "subscriptions_schedule"},
	} {
		_, err := w.pool.Exec(t.Context(), "UPDATE subscriptions SET "+c.set)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.ConstraintName != c.constraint {
			t.Errorf("%s: %v, want that %s refuses it", name, err, c.constraint)
		}
	}
	w.exec("UPDATE subscriptions SET status = 'ended', ended_at = now()")
}

// Nothing was agreed, so there is no consent to sign.
func TestRewrap_SkipsGivenPlans(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.subscribe(w.link(w.encrypting, 1).ID)
	w.exec(given)
	s := w.signing(w.vault)
	w.wantConsents(s, postgres.ConsentCounts{})
	if pass := w.sign(s, true); pass.Reencrypted != 0 || len(pass.Forged) > 0 {
		t.Errorf("the pass: %+v", pass)
	}
}

// A run finds the subscriptions that are over without reading the table.
func TestGiven_OverReadsIndexes(t *testing.T) {
	t.Parallel()
	s := newManyRows(t, postgres.RenewRole)
	now := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	err := s.InTx(t.Context(), func(tx ports.Repos) error { _, err := tx.Due.LockOver(t.Context(), now, 500); return err })
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"SubscriptionsLockOver", "SubscriptionsLockGivenOver"} {
		s.scansNone(t, query, regexp.MustCompile(`Seq Scan on subscriptions`))
	}
}

// The figures of the panel count a given subscription from its beginning to its end.
func TestGiven_CountsAsLive(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), clocktest.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	url := pgtest.URL(t)
	store, panelStore := postgres.NewStore(openAs(t, url, "none")), postgres.NewStore(openAs(t, url, postgres.PanelRole))
	newID := func() string { return uuid.Must(uuid.NewV7()).String() }
	plan, err := operators.Catalog{Store: store, Clock: now, NewID: newID, By: operators.CLIOperator()}.AddPlan(ctx, billing.Plan{
		Code: "gold", Name: "Gold", Price: billing.Money{Amount: 399_00, Currency: "RUB"}, IntervalMonths: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	user := billing.UserID(newID())
	if err := store.InTx(ctx, func(tx ports.Repos) error { return tx.Users.Seen(ctx, now.Now(), user) }); err != nil {
		t.Fatal(err)
	}
	support := operators.Support{Store: store, Clock: now, NewID: newID, By: operators.CLIOperator()}
	on := operators.Target{User: user, Ref: "gold", Reason: "no picture"}
	if _, _, err := support.GivePlan(ctx, on, 3, "ticket 4711"); err != nil {
		t.Fatal(err)
	}
	wantLive := func(when string, want int) {
		t.Helper()
		row, err := panelStore.PanelViews().Catalog.Plan(ctx, plan.ID)
		all, listErr := panelStore.PanelViews().Catalog.Subscribers(ctx)
		if err != nil || listErr != nil || row.Subscribers != want || all[plan.ID] != want {
			t.Errorf("%s, the plan has %d and %d subscribers, %v, %v, want %d", when, row.Subscribers, all[plan.ID], err, listErr, want)
		}
	}
	wantLive("given", 1)
	panel := operators.Panel{Store: panelStore, Views: panelStore.PanelViews(), Clock: now, Location: time.UTC}
	d, err := panel.Dashboard(ctx, operators.CLIOperator())
	if err != nil || d.Days[len(d.Days)-1].New != 1 {
		t.Errorf("the dashboard has %+v today, %v, want one new subscription", d.Days[len(d.Days)-1], err)
	}
	if _, err := support.Cancel(ctx, on, billing.AtOnce); err != nil {
		t.Fatal(err)
	}
	wantLive("ended", 0)
}
