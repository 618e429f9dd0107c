// Package billingtest is the world that the tests of core share: a store in memory,
// a clock that stands still, and a payment system with a ledger.
//
//	w := billingtest.NewWorld(t)       // sells the plan basic
//	w.Provider.SetFault(billingtest.ResponseLost)
//	w.MustSubscribe()                  // in a new process
//	w.ExpectSweep(1, 0)                // in another one
//	w.ExpectReconciled()
//
// Helpers that serve one package only stand in the world_test.go of that package.
package billingtest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

const (
	Viewer = billing.UserID("11111111-1111-1111-1111-111111111111")
	System = "fake" // code of the payment system

	ChargeTimeout = 5 * time.Second
	// PastSendWindow is longer than the send window of an intent.
	PastSendWindow = ChargeTimeout + time.Minute
	// Month is from the clock's start, the first of March, to the first of April.
	Month = 31 * 24 * time.Hour
)

var (
	Token = billing.NewSecret("tok_visa")
	Price = Rubles(399_00)
)

// Rubles returns an amount given in kopecks.
func Rubles(minor int64) billing.Money { return billing.Money{Amount: minor, Currency: "RUB"} }

// World outlives a process: it is the database and the payment system.
type World struct {
	T        *testing.T
	Store    *memory.Store
	Clock    *clocktest.Clock
	Provider *FakeProvider
	Keys     ports.Authenticator // of all processes
	ids      *atomic.Int64
	// pause waits on the clock of the store.
	pause func(ctx context.Context, d time.Duration) error
}

// NewWorld returns a world that sells the plan basic and takes payments through the
// payment system [System].
func NewWorld(t *testing.T) World {
	t.Helper()
	c := newClock()
	w := newWorld(t, c, c.Now)
	w.pause = func(_ context.Context, d time.Duration) error { c.Advance(d); return nil }
	return w
}

// InBubble runs f in a synctest bubble. The wall clock of its world is the bubble's,
// so sleeping takes no real time. The billing clock stands still.
func InBubble(t *testing.T, f func(w World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newWorld(t, newClock(), time.Now)) })
}

func newClock() *clocktest.Clock {
	return clocktest.New(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
}

func newWorld(t *testing.T, c *clocktest.Clock, wall func() time.Time) World {
	t.Helper()
	store := memory.New(memory.WithWall(wall))
	w := World{T: t, Store: store, Clock: c, Keys: Authenticator("key"), ids: new(atomic.Int64), pause: ports.Wait}
	w.AddPlan("basic", "hd", "offline")
	return w.WithProvider(System)
}

// WithProvider returns the same world with another payment system, and registers it.
func (w World) WithProvider(code string) World {
	w.T.Helper()
	w.Provider = newFakeProvider(w, code)
	if _, err := w.Catalog().AddPaymentSystem(w.T.Context(), billing.PaymentSystem{Code: code, Name: code}); err != nil {
		w.T.Fatal(err)
	}
	return w
}

// NewID returns an id that no other call returns.
func (w World) NewID() string { return fmt.Sprintf("id-%06d", w.ids.Add(1)) }

func (w World) Catalog() operators.Catalog {
	return operators.Catalog{Store: w.Store, Clock: w.Clock, NewID: w.NewID, By: operators.CLIOperator()}
}

func (w World) Queries() viewers.Queries {
	return viewers.Queries{Store: w.Store, Clock: w.Clock, Providers: map[string]ports.Provider{w.Provider.Code: w.Provider}, RenewalGrace: RenewalGrace}
}

// AddPlan sells a monthly plan at [Price], in a group of its own.
func (w World) AddPlan(code string, features ...string) billing.Plan {
	w.T.Helper()
	return w.AddPlanTo(code, code, features...)
}

// AddPlanTo is AddPlan for a plan in a group of other plans.
func (w World) AddPlanTo(group, code string, features ...string) billing.Plan {
	w.T.Helper()
	p, err := w.Catalog().AddPlan(w.T.Context(), billing.Plan{
		Code: code, Name: code, Price: Price, IntervalMonths: 1, Features: features, Group: group,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return p
}

// Payments returns the payments of [Viewer], newest first.
func (w World) Payments() []billing.Payment {
	w.T.Helper()
	list, err := w.Store.Views().Payments(w.T.Context(), Viewer, ports.Page{Limit: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	return list
}

// Subscriptions returns the subscriptions of [Viewer], newest first.
func (w World) Subscriptions() []ports.SubscriptionView {
	w.T.Helper()
	list, err := w.Queries().Subscriptions(w.T.Context(), Viewer, ports.Page{Limit: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	return list
}

// InTx runs f in its own transaction. An error fails the test.
func (w World) InTx(f func(ctx context.Context, tx ports.Repos) error) {
	w.T.Helper()
	ctx := context.WithoutCancel(w.T.Context())
	if err := w.Store.InTx(ctx, func(tx ports.Repos) error { return f(ctx, tx) }); err != nil {
		w.T.Error(err)
	}
}

// Concurrently calls f n times at once and returns the errors.
func Concurrently(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}
