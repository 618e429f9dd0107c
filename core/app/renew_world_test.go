package app_test

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

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// month is from the first of March, when the tests begin, to the first of April.
const month = 31 * 24 * time.Hour

// inBubble runs f in a world whose wall clock is the bubble's: it moves when
// everybody waits, and nobody really does. Billing's clock stands still.
func inBubble(t *testing.T, f func(w world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newWorldBy(t, newClock(), time.Now)) })
}

// join subscribes n more viewers to the plan basic, and pays for the first period.
func (w world) join(n int) []billing.UserID {
	w.t.Helper()
	users := make([]billing.UserID, n)
	for i := range users {
		users[i] = billing.UserID("viewer-" + w.newID())
		cmd := toBasic()
		cmd.User, cmd.PaymentSystem = users[i], w.psp.code
		if _, err := w.process().Subscribe(w.t.Context(), cmd); err != nil {
			w.t.Fatal(err)
		}
	}
	return users
}

func (w world) cancel(user billing.UserID, at billing.CancelAt) error {
	_, err := w.process().Cancel(context.WithoutCancel(w.t.Context()), app.Cancel{User: user, Ref: "basic", At: at})
	return err
}

func (w world) renewer() *app.Renewer { return w.renewerOver(w.store, w.psp) }

func (w world) renewerOver(s app.Store, p app.Provider) *app.Renewer {
	return &app.Renewer{
		Store: s, Clock: w.clock, NewID: w.newID, Collector: w.processOver(s, p).Collector,
		Log: slog.New(slog.DiscardHandler), Concurrency: 8,
	}
}

// run makes a run in a new process and expects what it says.
func (w world) run(want app.Summary) {
	w.t.Helper()
	w.expectRun(w.renewer(), want, nil)
}

func (w world) expectRun(r *app.Renewer, want app.Summary, wantErr error) {
	w.t.Helper()
	got, err := r.Run(w.t.Context())
	expectError(w.t, err, wantErr)
	if got != want {
		w.t.Errorf("the run says %+v, want %+v", got, want)
	}
}

// runUntilQuiet makes runs until one has nothing left to do, as a timer does.
func (w world) runUntilQuiet() {
	w.t.Helper()
	for range 10 {
		time.Sleep(sendOver)
		got, err := w.renewer().Run(w.t.Context())
		expectError(w.t, err, nil)
		if got == (app.Summary{}) {
			return
		}
	}
	w.t.Error("ten runs later there is still something to do")
}

func (w world) subscriptionOf(user billing.UserID) app.SubscriptionView {
	w.t.Helper()
	list, err := w.viewer().Subscriptions(context.WithoutCancel(w.t.Context()), user, app.Page{Limit: 1})
	if err != nil || len(list) != 1 {
		w.t.Fatalf("viewer %s has %d subscriptions, %v, want one", user, len(list), err)
	}
	return list[0]
}

// expectAll expects that the subscription of each user has this status.
func (w world) expectAll(users []billing.UserID, want billing.Status) {
	w.t.Helper()
	for _, u := range users {
		if s := w.subscriptionOf(u); s.Status != want {
			w.t.Errorf("the subscription of %s is %s, its payment %s, want %s", u, s.Status, s.Latest.Status, want)
		}
	}
}

// expectPaid expects that each of the users was charged n times, in the ledger
// and in the books, and never twice for a period.
func (w world) expectPaid(users []billing.UserID, n int) {
	w.t.Helper()
	taken := make(map[billing.PaymentID]int)
	for _, e := range w.psp.entries() {
		taken[e.Key]++
	}
	for _, u := range users {
		list, err := w.viewer().Payments(context.WithoutCancel(w.t.Context()), u, app.Page{Limit: 1000})
		if err != nil {
			w.t.Fatal(err)
		}
		periods, there := make(map[time.Time]bool), 0
		for _, p := range list {
			there += taken[p.ID]
			if p.Status == billing.PaymentSucceeded {
				periods[p.Period.Start] = true
			}
		}
		if there != n || len(periods) != n {
			w.t.Errorf("%s was charged %d times and has paid for %d periods, want %d", u, there, len(periods), n)
		}
	}
	w.expectAgreement()
}

// history returns a viewer's events, oldest first.
func (w world) history(user billing.UserID) []billing.Event {
	w.t.Helper()
	events, err := w.viewer().History(w.t.Context(), user, app.Page{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Reverse(events)
	return events
}

// faulty is a payment system between which and us things happen, by how many
// charges there were before, and for which user none can tell.
type faulty struct {
	app.Provider
	before func(n int64) error // instead of the charge
	after  func(n int64) error // instead of its answer
	look   func(n int64) error // instead of a look-up
	takes  time.Duration

	charges, looks, busy atomic.Int64
	most                 atomic.Int64 // charges that were under way at once
}

func (f *faulty) Charge(ctx context.Context, r app.ChargeRequest) (billing.Outcome, error) {
	n := f.charges.Add(1)
	for now, most := f.busy.Add(1), f.most.Load(); now > most && !f.most.CompareAndSwap(most, now); most = f.most.Load() {
	}
	defer f.busy.Add(-1)
	if f.before != nil {
		if err := f.before(n); err != nil {
			return billing.Outcome{}, err
		}
	}
	if f.takes > 0 {
		select {
		case <-time.After(f.takes):
		case <-ctx.Done():
			return billing.Outcome{}, ctx.Err()
		}
	}
	o, err := f.Provider.Charge(ctx, r)
	if f.after != nil && err == nil {
		if err := f.after(n); err != nil {
			return billing.Outcome{}, err
		}
	}
	return o, err
}

func (f *faulty) Find(ctx context.Context, key billing.PaymentID) (billing.Outcome, error) {
	n := f.looks.Add(1)
	if f.look != nil {
		if err := f.look(n); err != nil {
			return billing.Outcome{}, err
		}
	}
	return f.Provider.Find(ctx, key)
}

// always fails every time.
func always(err error) func(int64) error { return func(int64) error { return err } }

// often fails three times of ten.
func often(err error) func(int64) error {
	return func(n int64) error {
		if n%10 < 3 {
			return err
		}
		return nil
	}
}

// firstOnes fails the first n times.
func firstOnes(n int64, err error) func(int64) error {
	return func(i int64) error {
		if i <= n {
			return err
		}
		return nil
	}
}

// removals is a store in which payment methods were removed.
type removals struct {
	app.Store
	at time.Time

	mu   *sync.Mutex
	gone map[billing.PaymentMethodID]bool
}

func (w world) removals() removals {
	return removals{w.store, w.clock.Now(), new(sync.Mutex), make(map[billing.PaymentMethodID]bool)}
}

func (s removals) remove(id billing.PaymentMethodID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[id] = true
}

func (s removals) seen(m billing.PaymentMethod) billing.PaymentMethod {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone[m.ID] {
		m.RemovedAt = s.at
	}
	return m
}

func (s removals) InTx(ctx context.Context, f func(app.Repos) error) error {
	return s.Store.InTx(ctx, func(tx app.Repos) error {
		tx.Subscriptions = removalsDue{tx.Subscriptions, s}
		tx.Methods = removalsMethods{tx.Methods, s}
		return f(tx)
	})
}

func (s removals) Views() app.Views { return removalsViews{s.Store.Views(), s} }

type removalsDue struct {
	app.Subscriptions
	removals removals
}

func (r removalsDue) LockDue(ctx context.Context, q app.DueQuery) ([]app.Due, error) {
	due, err := r.Subscriptions.LockDue(ctx, q)
	for i := range due {
		due[i].Method = r.removals.seen(due[i].Method)
	}
	return due, err
}

type removalsMethods struct {
	app.Methods
	removals removals
}

func (r removalsMethods) Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error) {
	m, err := r.Methods.Find(ctx, user, id)
	return r.removals.seen(m), err
}

type removalsViews struct {
	app.Views
	removals removals
}

func (v removalsViews) Due(ctx context.Context, q app.DueQuery, each func(app.Due) error) error {
	return v.Views.Due(ctx, q, func(d app.Due) error {
		d.Method = v.removals.seen(d.Method)
		return each(d)
	})
}

// faults is a store whose transactions fail when fail says so. It is asked
// before the commit with what the transaction did, and after it too. One whose
// caller goes away during the commit fails although it is kept.
type faults struct {
	app.Store
	fail func(did did, committed bool) error
}

// did is what a transaction did.
type did struct{ claimed, added, swept, resent, saved, put bool }

func (s faults) InTx(ctx context.Context, f func(app.Repos) error) error {
	var d did
	err := s.Store.InTx(ctx, func(tx app.Repos) error {
		d = did{}
		tx.Subscriptions = notedSubscriptions{tx.Subscriptions, &d}
		tx.Payments = notedPayments{tx.Payments, &d}
		tx.Runs = notedRuns{tx.Runs, &d}
		if err := f(tx); err != nil {
			return err
		}
		return s.fail(d, false)
	})
	if err != nil {
		return err
	}
	if err := s.fail(d, true); err != nil {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return nil
}

type notedSubscriptions struct {
	app.Subscriptions
	did *did
}

func (r notedSubscriptions) LockDue(ctx context.Context, q app.DueQuery) ([]app.Due, error) {
	r.did.claimed = true
	return r.Subscriptions.LockDue(ctx, q)
}

type notedPayments struct {
	app.Payments
	did *did
}

func (r notedPayments) Add(ctx context.Context, send time.Duration, p ...billing.Payment) error {
	r.did.added = r.did.added || len(p) > 0
	return r.Payments.Add(ctx, send, p...)
}

func (r notedPayments) TakeUnsettled(ctx context.Context, lease time.Duration, limit int) ([]app.Unsettled, error) {
	r.did.swept = true
	return r.Payments.TakeUnsettled(ctx, lease, limit)
}

func (r notedPayments) Resend(ctx context.Context, send time.Duration, keys ...app.PaymentKey) ([]app.PaymentKey, error) {
	r.did.resent = true
	return r.Payments.Resend(ctx, send, keys...)
}

func (r notedPayments) Replace(ctx context.Context, since []app.Version, p ...billing.Payment) error {
	r.did.saved = r.did.saved || len(p) > 0
	return r.Payments.Replace(ctx, since, p...)
}

type notedRuns struct {
	app.Runs
	did *did
}

func (r notedRuns) Put(ctx context.Context, run app.Run) error {
	r.did.put = true
	return r.Runs.Put(ctx, run)
}
