package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

const (
	viewer = billing.UserID("11111111-1111-1111-1111-111111111111")
	system = "fake"

	chargeTimeout = 5 * time.Second
	// sendOver is beyond the time during which an intent may be sent.
	sendOver = chargeTimeout + time.Minute
)

var (
	token = billing.NewSecret("tok_visa")
	price = rubles(399_00)
)

func rubles(minor int64) billing.Money { return billing.Money{Amount: minor, Currency: "RUB"} }

// clock is billing's clock and the wall clock in one, which stands still.
type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.micros.Store(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

// world is what outlives a process: the database and the payment system.
type world struct {
	t     *testing.T
	store *memory.Store
	clock *clock
	psp   *psp
	ids   *atomic.Int64
}

// newWorld sells the plan basic, and takes money through the payment system fake.
func newWorld(t *testing.T) world {
	t.Helper()
	c := newClock()
	return newWorldBy(t, c, c.Now)
}

// newWorldBy is newWorld with another wall clock.
func newWorldBy(t *testing.T, c *clock, wall func() time.Time) world {
	t.Helper()
	store := memory.New(memory.WithWall(wall))
	w := world{t: t, store: store, clock: c, ids: new(atomic.Int64)}
	w.sell("basic", "hd", "offline")
	return w.through(system)
}

// through is the same world with another payment system, which is registered.
func (w world) through(code string) world {
	w.t.Helper()
	w.psp = &psp{t: w.t, code: code, store: w.store, now: w.clock.Now, mishap: fine, known: make(map[billing.PaymentID]known)}
	if _, err := w.catalog().AddPaymentSystem(w.t.Context(), billing.PaymentSystem{Code: code, Name: code}); err != nil {
		w.t.Fatal(err)
	}
	return w
}

func (w world) newID() string { return fmt.Sprintf("id-%06d", w.ids.Add(1)) }

func (w world) catalog() app.Catalog {
	return app.Catalog{Store: w.store, Clock: w.clock, NewID: w.newID}
}
func (w world) viewer() app.Viewer { return app.Viewer{Store: w.store, Clock: w.clock} }

func (w world) sell(code string, features ...string) billing.Plan {
	w.t.Helper()
	p, err := w.catalog().AddPlan(w.t.Context(), billing.Plan{
		Code: code, Name: code, Price: price, IntervalMonths: 1, Features: features,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// process is everything that a process of ours is made of.
type process struct {
	*app.Subscriber
	*app.Collector
	app.Requests
}

func (w world) process() process { return w.processOver(w.store, w.psp) }

func (w world) processOver(s app.Store, p app.Provider) process {
	c := &app.Collector{
		Store: s, Clock: w.clock, NewID: w.newID, Providers: map[string]app.Provider{w.psp.code: p},
		ChargeTimeout: chargeTimeout, RecordTimeout: chargeTimeout, Recording: app.NewRecording(), Log: slog.New(slog.DiscardHandler), Retries: retries(w.t),
	}
	return process{
		Subscriber: &app.Subscriber{Store: s, Clock: w.clock, NewID: w.newID, Collector: c, Opening: app.NewOpening()},
		Collector:  c, Requests: app.Requests{Store: s},
	}
}

func retries(t *testing.T) billing.RetrySchedule {
	t.Helper()
	r, err := billing.NewRetrySchedule(24*time.Hour, 72*time.Hour, 120*time.Hour, 168*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func toBasic() app.Subscribe {
	return app.Subscribe{User: viewer, Plan: "basic", Price: price, PaymentSystem: system, Token: token}
}

// sweep sweeps in a new process and expects what it says.
func (w world) sweep(settled, unknown int) {
	w.t.Helper()
	got, err := w.process().Sweep(w.t.Context(), 100)
	if want := (app.Swept{Settled: settled, Unknown: unknown}); err != nil || got != want {
		w.t.Errorf("the sweep says %+v, %v, want %+v", got, err, want)
	}
}

func (w world) payments() []billing.Payment {
	w.t.Helper()
	list, err := w.viewer().Payments(w.t.Context(), viewer, app.Page{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w world) subscriptions() []app.SubscriptionView {
	w.t.Helper()
	list, err := w.viewer().Subscriptions(w.t.Context(), viewer, app.Page{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// expectHistory expects these events, oldest first.
func (w world) expectHistory(want ...billing.EventType) {
	w.t.Helper()
	events, err := w.viewer().History(w.t.Context(), viewer, app.Page{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var got []billing.EventType
	for _, e := range slices.Backward(events) {
		got = append(got, e.Type)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("the history is %v, want %v", got, want)
	}
}

// expectOne expects one subscription with one payment.
func (w world) expectOne(s billing.Status, p billing.PaymentStatus) app.SubscriptionView {
	w.t.Helper()
	subs, pays := w.subscriptions(), w.payments()
	if len(subs) != 1 || len(pays) != 1 {
		w.t.Fatalf("%d subscriptions and %d payments, want one of each", len(subs), len(pays))
	}
	if subs[0].Status != s || pays[0].Status != p {
		w.t.Errorf("the subscription is %s and its payment %s, want %s and %s", subs[0].Status, pays[0].Status, s, p)
	}
	return subs[0]
}

func (w world) expectNothing() {
	w.t.Helper()
	if subs, pays := w.subscriptions(), w.payments(); len(subs)+len(pays) > 0 {
		w.t.Errorf("left behind: %+v, %+v", subs, pays)
	}
	w.expectHistory()
	w.expectCharges(0)
}

func (w world) expectCharges(n int) {
	w.t.Helper()
	if got := w.psp.entries(); len(got) != n {
		w.t.Errorf("the payment system took money %d times, want %d: %+v", len(got), n, got)
	}
}

func (w world) reconcile() app.Reconciliation {
	w.t.Helper()
	r, err := app.Reconcile(w.t.Context(), w.store, w.psp, w.psp.code, time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// expectAgreement expects that the books and the ledger say the same.
func (w world) expectAgreement() {
	w.t.Helper()
	if r := w.reconcile(); r.Differs() {
		w.t.Errorf("the books and the ledger differ: %+v", r)
	}
}

func expectError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got the error %v, want %v", got, want)
	}
}

// inTx runs f in a transaction of its own that must succeed.
func (w world) inTx(f func(ctx context.Context, tx app.Repos) error) {
	w.t.Helper()
	ctx := context.WithoutCancel(w.t.Context())
	if err := w.store.InTx(ctx, func(tx app.Repos) error { return f(ctx, tx) }); err != nil {
		w.t.Error(err)
	}
}

// atOnce runs f n times at once and returns the errors.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}
