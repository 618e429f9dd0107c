package billingtest

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
	"github.com/online-cinema/billing/core/viewers"
)

// month is from the first of March, when the tests begin, to the first of April.
const Month = 31 * 24 * time.Hour

// inBubble runs f in a world whose wall clock is the bubble's: it moves when
// everybody waits, and nobody really does. Billing's clock stands still.
func InBubble(t *testing.T, f func(w World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(NewWorldBy(t, newClock(), time.Now)) })
}

// join subscribes n more viewers to the plan basic, and pays for the first period.
func (w World) Join(n int) []billing.UserID {
	w.T.Helper()
	users := make([]billing.UserID, n)
	for i := range users {
		users[i] = billing.UserID("viewer-" + w.NewID())
		cmd := ToBasic()
		cmd.User, cmd.PaymentSystem = users[i], w.Psp.Code
		if _, err := w.Process().Subscribe(w.T.Context(), cmd); err != nil {
			w.T.Fatal(err)
		}
	}
	return users
}

func (w World) Cancel(user billing.UserID, at billing.CancelAt) error {
	_, err := w.Process().Cancel(context.WithoutCancel(w.T.Context()), viewers.Cancel{User: user, Ref: "basic", At: at})
	return err
}

func (w World) Renewer() *renewals.Renewer { return w.RenewerOver(w.Store, w.Psp) }

func (w World) RenewerOver(s ports.Store, p ports.Provider) *renewals.Renewer {
	return &renewals.Renewer{
		Store: s, Clock: w.Clock, NewID: w.NewID, Collector: w.ProcessOver(s, p).Collector,
		Log: slog.New(slog.DiscardHandler), Concurrency: 8,
	}
}

// run makes a run in a new process and expects what it says.
func (w World) Run(want ports.Summary) {
	w.T.Helper()
	w.ExpectRun(w.Renewer(), want, nil)
}

func (w World) ExpectRun(r *renewals.Renewer, want ports.Summary, wantErr error) {
	w.T.Helper()
	got, err := r.Run(w.T.Context())
	ExpectError(w.T, err, wantErr)
	if got != want {
		w.T.Errorf("the run says %+v, want %+v", got, want)
	}
}

// runUntilQuiet makes runs until one has nothing left to do, as a timer does.
func (w World) RunUntilQuiet() {
	w.T.Helper()
	for range 10 {
		time.Sleep(SendOver)
		got, err := w.Renewer().Run(w.T.Context())
		ExpectError(w.T, err, nil)
		if got == (ports.Summary{}) {
			return
		}
	}
	w.T.Error("ten runs later there is still something to do")
}

func (w World) SubscriptionOf(user billing.UserID) ports.SubscriptionView {
	w.T.Helper()
	list, err := w.Viewer().Subscriptions(context.WithoutCancel(w.T.Context()), user, ports.Page{Limit: 1})
	if err != nil || len(list) != 1 {
		w.T.Fatalf("viewer %s has %d subscriptions, %v, want one", user, len(list), err)
	}
	return list[0]
}

// expectAll expects that the subscription of each user has this status.
func (w World) ExpectAll(users []billing.UserID, want billing.Status) {
	w.T.Helper()
	for _, u := range users {
		if s := w.SubscriptionOf(u); s.Status != want {
			w.T.Errorf("the subscription of %s is %s, its payment %s, want %s", u, s.Status, s.Latest.Status, want)
		}
	}
}

// expectPaid expects that each of the users was charged n times, in the ledger
// and in the books, and never twice for a period.
func (w World) ExpectPaid(users []billing.UserID, n int) {
	w.T.Helper()
	taken := make(map[billing.PaymentID]int)
	for _, e := range w.Psp.Entries() {
		taken[e.Key]++
	}
	for _, u := range users {
		list, err := w.Viewer().Payments(context.WithoutCancel(w.T.Context()), u, ports.Page{Limit: 1000})
		if err != nil {
			w.T.Fatal(err)
		}
		periods, there := make(map[time.Time]bool), 0
		for _, p := range list {
			there += taken[p.ID]
			if p.Status == billing.PaymentSucceeded {
				periods[p.Period.Start] = true
			}
		}
		if there != n || len(periods) != n {
			w.T.Errorf("%s was charged %d times and has paid for %d periods, want %d", u, there, len(periods), n)
		}
	}
	w.ExpectAgreement()
}

// history returns a viewer's events, oldest first.
func (w World) History(user billing.UserID) []billing.Event {
	w.T.Helper()
	events, err := w.Viewer().History(w.T.Context(), user, ports.Page{Limit: 1000})
	if err != nil {
		w.T.Fatal(err)
	}
	slices.Reverse(events)
	return events
}

// faulty is a payment system between which and us things happen, by how many
// charges there were before, and for which user none can tell.
type Faulty struct {
	ports.Provider
	Before func(n int64) error // instead of the charge
	After  func(n int64) error // instead of its answer
	Look   func(n int64) error // instead of a look-up
	Takes  time.Duration

	Charges, looks, busy atomic.Int64
	Most                 atomic.Int64 // charges that were under way at once
}

func (f *Faulty) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	n := f.Charges.Add(1)
	for now, most := f.busy.Add(1), f.Most.Load(); now > most && !f.Most.CompareAndSwap(most, now); most = f.Most.Load() {
	}
	defer f.busy.Add(-1)
	if f.Before != nil {
		if err := f.Before(n); err != nil {
			return billing.Outcome{}, err
		}
	}
	if f.Takes > 0 {
		select {
		case <-time.After(f.Takes):
		case <-ctx.Done():
			return billing.Outcome{}, ctx.Err()
		}
	}
	o, err := f.Provider.Charge(ctx, r)
	if f.After != nil && err == nil {
		if err := f.After(n); err != nil {
			return billing.Outcome{}, err
		}
	}
	return o, err
}

func (f *Faulty) Find(ctx context.Context, key billing.PaymentID) (billing.Outcome, error) {
	n := f.looks.Add(1)
	if f.Look != nil {
		if err := f.Look(n); err != nil {
			return billing.Outcome{}, err
		}
	}
	return f.Provider.Find(ctx, key)
}

// always fails every time.
func Always(err error) func(int64) error { return func(int64) error { return err } }

// often fails three times of ten.
func Often(err error) func(int64) error {
	return func(n int64) error {
		if n%10 < 3 {
			return err
		}
		return nil
	}
}

// firstOnes fails the first n times.
func FirstOnes(n int64, err error) func(int64) error {
	return func(i int64) error {
		if i <= n {
			return err
		}
		return nil
	}
}

// removals is a store in which payment methods were removed.
type Removals struct {
	ports.Store
	at time.Time

	mu   *sync.Mutex
	gone map[billing.PaymentMethodID]bool
}

func (w World) Removals() Removals {
	return Removals{w.Store, w.Clock.Now(), new(sync.Mutex), make(map[billing.PaymentMethodID]bool)}
}

func (s Removals) Remove(id billing.PaymentMethodID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[id] = true
}

func (s Removals) seen(m billing.PaymentMethod) billing.PaymentMethod {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone[m.ID] {
		m.RemovedAt = s.at
	}
	return m
}

func (s Removals) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Subscriptions = removalsDue{tx.Subscriptions, s}
		tx.Methods = removalsMethods{tx.Methods, s}
		return f(tx)
	})
}

func (s Removals) Views() ports.Views { return removalsViews{s.Store.Views(), s} }

type removalsDue struct {
	ports.Subscriptions
	removals Removals
}

func (r removalsDue) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	due, err := r.Subscriptions.LockDue(ctx, q)
	for i := range due {
		due[i].Method = r.removals.seen(due[i].Method)
	}
	return due, err
}

type removalsMethods struct {
	ports.Methods
	removals Removals
}

func (r removalsMethods) Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error) {
	m, err := r.Methods.Find(ctx, user, id)
	return r.removals.seen(m), err
}

type removalsViews struct {
	ports.Views
	removals Removals
}

func (v removalsViews) Due(ctx context.Context, q ports.DueQuery, each func(ports.Due) error) error {
	return v.Views.Due(ctx, q, func(d ports.Due) error {
		d.Method = v.removals.seen(d.Method)
		return each(d)
	})
}

// faults is a store whose transactions fail when fail says so. It is asked
// before the commit with what the transaction did, and after it too. One whose
// caller goes away during the commit fails although it is kept.
type Faults struct {
	ports.Store
	Fail func(did Did, committed bool) error
}

// did is what a transaction did.
type Did struct{ Claimed, Added, Swept, Resent, Saved, Put bool }

func (s Faults) InTx(ctx context.Context, f func(ports.Repos) error) error {
	var d Did
	err := s.Store.InTx(ctx, func(tx ports.Repos) error {
		d = Did{}
		tx.Subscriptions = notedSubscriptions{tx.Subscriptions, &d}
		tx.Payments = notedPayments{tx.Payments, &d}
		tx.Runs = notedRuns{tx.Runs, &d}
		if err := f(tx); err != nil {
			return err
		}
		return s.Fail(d, false)
	})
	if err != nil {
		return err
	}
	if err := s.Fail(d, true); err != nil {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return nil
}

type notedSubscriptions struct {
	ports.Subscriptions
	did *Did
}

func (r notedSubscriptions) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	r.did.Claimed = true
	return r.Subscriptions.LockDue(ctx, q)
}

type notedPayments struct {
	ports.Payments
	did *Did
}

func (r notedPayments) Add(ctx context.Context, send time.Duration, p ...billing.Payment) error {
	r.did.Added = r.did.Added || len(p) > 0
	return r.Payments.Add(ctx, send, p...)
}

func (r notedPayments) LeaseForSweep(ctx context.Context, lease time.Duration, limit int) ([]ports.Unsettled, error) {
	r.did.Swept = true
	return r.Payments.LeaseForSweep(ctx, lease, limit)
}

func (r notedPayments) LeaseForResend(ctx context.Context, send time.Duration, keys ...ports.PaymentKey) ([]ports.PaymentKey, error) {
	r.did.Resent = true
	return r.Payments.LeaseForResend(ctx, send, keys...)
}

func (r notedPayments) Replace(ctx context.Context, since []ports.RowVersion, p ...billing.Payment) error {
	r.did.Saved = r.did.Saved || len(p) > 0
	return r.Payments.Replace(ctx, since, p...)
}

type notedRuns struct {
	ports.Runs
	did *Did
}

func (r notedRuns) Put(ctx context.Context, run ports.Run) error {
	r.did.Put = true
	return r.Runs.Put(ctx, run)
}
