package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// world is a store with a plan and a payment system.
type world struct {
	*testing.T
	Harness
	plan billing.Plan
}

const system = "paymock"

// noon has all digits that a store keeps: microseconds.
var noon = time.Date(2026, time.January, 31, 12, 0, 0, 123456000, time.UTC)

func newWorld(t *testing.T, h Harness) *world {
	t.Helper()
	w := &world{T: t, Harness: h}
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: system, Name: "PayMock", CreatedAt: noon})
	})
	w.plan = w.addPlan("basic")
	return w
}

// try runs f in a transaction and returns its error.
func (w *world) try(f func(ctx context.Context, tx ports.Repos) error) error {
	ctx := w.Context()
	return w.Store.InTx(ctx, func(tx ports.Repos) error { return f(ctx, tx) })
}

// tx runs f in a transaction that must succeed.
func (w *world) tx(f func(ctx context.Context, tx ports.Repos) error) {
	w.Helper()
	w.must(w.try(f))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) wantErr(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got the error %v, want %v", err, want)
	}
}

func same[T any](w *world, what string, got, want T) {
	w.Helper()
	if !reflect.DeepEqual(got, want) {
		w.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func newPlan(code string) billing.Plan {
	return billing.Plan{
		ID: newIDOf[billing.PlanID](), Code: code, Name: "План «" + code + "»",
		Price: rub(39900), IntervalMonths: 3, Features: []string{"hd", "downloads"}, Group: billing.DefaultGroup, VAT: billing.VAT20,
		CreatedAt: noon, UpdatedAt: noon.Add(time.Microsecond),
	}
}

func rub(kopecks int64) billing.Money { return billing.Money{Amount: kopecks, Currency: "RUB"} }

// addPlan adds a plan in a group of its own.
func (w *world) addPlan(code string) billing.Plan {
	w.Helper()
	return w.addPlanTo(code, "only-"+code)
}

func (w *world) addPlanTo(code, group string) billing.Plan {
	w.Helper()
	p := newPlan(code)
	p.Group = group
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Add(ctx, p) })
	return p
}

// viewer registers a user and returns the user's payment method.
func (w *world) viewer() billing.PaymentMethod {
	w.Helper()
	m := newMethod(newIDOf[billing.UserID](), "tok_1")
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		if err := tx.Users.Seen(ctx, noon, m.UserID); err != nil {
			return err
		}
		return tx.Methods.Add(ctx, m)
	})
	return m
}

func newMethod(user billing.UserID, token string) billing.PaymentMethod {
	return billing.PaymentMethod{
		ID: newIDOf[billing.PaymentMethodID](), UserID: user, PaymentSystem: system,
		Token: billing.NewSecret(token), CreatedAt: noon,
	}
}
