package billingtest

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
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func (w World) Subscribed() ports.SubscriptionView {
	w.T.Helper()
	v, err := w.Process().Subscribe(w.T.Context(), ToBasic())
	if err != nil {
		w.T.Fatal(err)
	}
	return v
}

const (
	Viewer = billing.UserID("11111111-1111-1111-1111-111111111111")
	System = "fake"

	ChargeTimeout = 5 * time.Second
	// sendOver is beyond the time during which an intent may be sent.
	SendOver = ChargeTimeout + time.Minute
)

var (
	Token = billing.NewSecret("tok_visa")
	Price = Rubles(399_00)
)

func Rubles(minor int64) billing.Money { return billing.Money{Amount: minor, Currency: "RUB"} }

// clock is billing's clock and the wall clock in one, which stands still.
type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.micros.Store(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

// world is what outlives a process: the database and the payment system.
type World struct {
	T     *testing.T
	Store *memory.Store
	Clock *clock
	Psp   *psp
	ids   *atomic.Int64
}

// newWorld sells the plan basic, and takes money through the payment system fake.
func NewWorld(t *testing.T) World {
	t.Helper()
	c := newClock()
	return NewWorldBy(t, c, c.Now)
}

// newWorldBy is newWorld with another wall clock.
func NewWorldBy(t *testing.T, c *clock, wall func() time.Time) World {
	t.Helper()
	store := memory.New(memory.WithWall(wall))
	w := World{T: t, Store: store, Clock: c, ids: new(atomic.Int64)}
	w.Sell("basic", "hd", "offline")
	return w.Through(System)
}

// through is the same world with another payment system, which is registered.
func (w World) Through(code string) World {
	w.T.Helper()
	w.Psp = &psp{t: w.T, Code: code, store: w.Store, now: w.Clock.Now, mishap: Fine, Known: make(map[billing.PaymentID]known)}
	if _, err := w.Catalog().AddPaymentSystem(w.T.Context(), billing.PaymentSystem{Code: code, Name: code}); err != nil {
		w.T.Fatal(err)
	}
	return w
}

func (w World) NewID() string { return fmt.Sprintf("id-%06d", w.ids.Add(1)) }

func (w World) Catalog() operators.Catalog {
	return operators.Catalog{Store: w.Store, Clock: w.Clock, NewID: w.NewID, By: operators.CLIOperator()}
}
func (w World) Viewer() viewers.Queries { return viewers.Queries{Store: w.Store, Clock: w.Clock} }

func (w World) Sell(code string, features ...string) billing.Plan {
	w.T.Helper()
	p, err := w.Catalog().AddPlan(w.T.Context(), billing.Plan{
		Code: code, Name: code, Price: Price, IntervalMonths: 1, Features: features,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return p
}

// process is everything that a process of ours is made of.
type Process struct {
	*viewers.Subscriber
	*payments.Collector
	viewers.Requests
}

func (w World) Process() Process { return w.ProcessOver(w.Store, w.Psp) }

func (w World) ProcessOver(s ports.Store, p ports.Provider) Process {
	c := &payments.Collector{
		Store: s, Clock: w.Clock, NewID: w.NewID, Providers: map[string]ports.Provider{w.Psp.Code: p},
		ChargeTimeout: ChargeTimeout, RecordTimeout: ChargeTimeout, Recording: payments.NewRecording(), Log: slog.New(slog.DiscardHandler), Retries: retries(w.T),
	}
	return Process{
		Subscriber: &viewers.Subscriber{Store: s, Clock: w.Clock, NewID: w.NewID, Collector: c, Opening: viewers.NewOpening()},
		Collector:  c, Requests: viewers.Requests{Store: s},
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

func ToBasic() viewers.Subscribe {
	return viewers.Subscribe{User: Viewer, Plan: "basic", Price: Price, PaymentSystem: System, Token: Token}
}

// sweep sweeps in a new process and expects what it says.
func (w World) Sweep(settled, unknown int) {
	w.T.Helper()
	got, err := w.Process().Sweep(w.T.Context(), 100)
	if want := (payments.Swept{Settled: settled, Unknown: unknown}); err != nil || got != want {
		w.T.Errorf("the sweep says %+v, %v, want %+v", got, err, want)
	}
}

func (w World) Payments() []billing.Payment {
	w.T.Helper()
	list, err := w.Viewer().Payments(w.T.Context(), Viewer, ports.Page{Limit: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	return list
}

func (w World) Subscriptions() []ports.SubscriptionView {
	w.T.Helper()
	list, err := w.Viewer().Subscriptions(w.T.Context(), Viewer, ports.Page{Limit: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	return list
}

// expectHistory expects these events, oldest first.
func (w World) ExpectHistory(want ...billing.EventType) {
	w.T.Helper()
	events, err := w.Viewer().History(w.T.Context(), Viewer, ports.Page{Limit: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	var got []billing.EventType
	for _, e := range slices.Backward(events) {
		got = append(got, e.Type)
	}
	if !slices.Equal(got, want) {
		w.T.Errorf("the history is %v, want %v", got, want)
	}
}

// expectOne expects one subscription with one payment.
func (w World) ExpectOne(s billing.Status, p billing.PaymentStatus) ports.SubscriptionView {
	w.T.Helper()
	subs, pays := w.Subscriptions(), w.Payments()
	if len(subs) != 1 || len(pays) != 1 {
		w.T.Fatalf("%d subscriptions and %d payments, want one of each", len(subs), len(pays))
	}
	if subs[0].Status != s || pays[0].Status != p {
		w.T.Errorf("the subscription is %s and its payment %s, want %s and %s", subs[0].Status, pays[0].Status, s, p)
	}
	return subs[0]
}

func (w World) ExpectNothing() {
	w.T.Helper()
	if subs, pays := w.Subscriptions(), w.Payments(); len(subs)+len(pays) > 0 {
		w.T.Errorf("left behind: %+v, %+v", subs, pays)
	}
	w.ExpectHistory()
	w.ExpectCharges(0)
}

func (w World) ExpectCharges(n int) {
	w.T.Helper()
	if got := w.Psp.Entries(); len(got) != n {
		w.T.Errorf("the payment system took money %d times, want %d: %+v", len(got), n, got)
	}
}

func (w World) reconcile() payments.Reconciliation {
	w.T.Helper()
	r, err := payments.Reconcile(w.T.Context(), w.Store, w.Psp, w.Psp.Code, time.Time{})
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// expectAgreement expects that the books and the ledger say the same.
func (w World) ExpectAgreement() {
	w.T.Helper()
	if r := w.reconcile(); r.Differs() {
		w.T.Errorf("the books and the ledger differ: %+v", r)
	}
}

func ExpectError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got the error %v, want %v", got, want)
	}
}

// inTx runs f in a transaction of its own that must succeed.
func (w World) InTx(f func(ctx context.Context, tx ports.Repos) error) {
	w.T.Helper()
	ctx := context.WithoutCancel(w.T.Context())
	if err := w.Store.InTx(ctx, func(tx ports.Repos) error { return f(ctx, tx) }); err != nil {
		w.T.Error(err)
	}
}

// atOnce runs f n times at once and returns the errors.
func AtOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}
