package renewals_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

var errRefused = errors.New("the database refuses a value")

// oddStore is a store in which the rows of one user cause failures.
type oddStore struct {
	ports.Store
	user billing.UserID

	leases  bool // no payment can be leased for a sweep
	systems bool // the payment systems cannot be read
	saves   bool // the user's payment cannot be saved
	adds    bool // the user's payment cannot be added
	due     bool // the user's subscription is found as due, but is not
}

func (s oddStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Leases = oddLeases{tx.Leases, s}
		tx.Payments = oddPayments{tx.Payments, s}
		tx.Due = oddDue{tx.Due, s}
		return f(tx)
	})
}

func (s oddStore) Views() ports.Views {
	v := s.Store.Views()
	v.PublicViews = oddViews{v.PublicViews, s}
	return v
}

type oddLeases struct {
	ports.PaymentLeases
	s oddStore
}

func (r oddLeases) LeaseForSweep(ctx context.Context, q ports.SweepQuery) ([]ports.Unsettled, error) {
	if r.s.leases {
		return nil, errRefused
	}
	return r.PaymentLeases.LeaseForSweep(ctx, q)
}

type oddPayments struct {
	ports.Payments
	s oddStore
}

func (r oddPayments) Add(ctx context.Context, sendFor time.Duration, list ...billing.Payment) error {
	if r.s.adds && slices.ContainsFunc(list, func(p billing.Payment) bool { return p.UserID == r.s.user }) {
		return errRefused
	}
	return r.Payments.Add(ctx, sendFor, list...)
}

func (r oddPayments) SaveIfUnchanged(ctx context.Context, list ...ports.Versioned[billing.Payment]) error {
	ofUser := func(v ports.Versioned[billing.Payment]) bool { return v.Record.UserID == r.s.user }
	if r.s.saves && slices.ContainsFunc(list, ofUser) {
		return errRefused
	}
	return r.Payments.SaveIfUnchanged(ctx, list...)
}

type oddDue struct {
	ports.DueSubscriptions
	s oddStore
}

func (r oddDue) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	due, err := r.DueSubscriptions.LockDue(ctx, q)
	for i := range due {
		due[i].Charging = due[i].Charging || r.s.due && due[i].UserID == r.s.user
	}
	return due, err
}

type oddViews struct {
	ports.PublicViews
	s oddStore
}

func (v oddViews) PaymentSystems(ctx context.Context) ([]billing.PaymentSystem, error) {
	if v.s.systems {
		return nil, errRefused
	}
	return v.PublicViews.PaymentSystems(ctx)
}

// A step of a run that fails does not keep the run from renewing the others. The run
// ends with the error.
func TestRun_RenewsDespiteFailure(t *testing.T) {
	t.Parallel()
	const due = 5
	tests := map[string]struct {
		store oddStore
		want  ports.Summary
	}{
		"payments cannot be leased":           {oddStore{leases: true}, ports.Summary{Due: due, Renewed: due}},
		"payment systems cannot be read":      {oddStore{systems: true}, ports.Summary{Settled: 3, Due: due, Renewed: due}},
		"an earlier outcome cannot be stored": {oddStore{saves: true}, ports.Summary{Settled: 2, Due: due, Renewed: due}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(due)
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(billingtest.ResponseLost)
				pending := w.addSubscribers(3)
				w.Provider.SetFault(billingtest.NoFault)
				store := tt.store
				store.Store, store.user = w.Store, pending[1]
				var stored []ports.Run
				r := w.RenewerOver(runRecorder{store, &stored}, w.Provider)
				w.expectRunOf(r, tt.want, errRefused)
				w.expectAll(users, billing.StatusActive)
				w.expectPaid(users, 2)
				if last := stored[len(stored)-1]; !strings.Contains(last.Error, errRefused.Error()) {
					w.T.Errorf("the stored run has the error %q, want it to contain %q", last.Error, errRefused)
				}
			})
		})
	}
}

// A subscription that cannot be claimed, or whose outcome cannot be recorded, does not
// affect the others of its batch.
func TestRun_OneSubscriptionFails(t *testing.T) {
	t.Parallel()
	const due = 12
	tests := map[string]struct {
		store   oddStore
		want    ports.Summary
		wantErr error
	}{
		"due, but not by the rules": {oddStore{due: true}, ports.Summary{Due: due, Renewed: due - 1, Failed: 1}, nil},
		"intent cannot be stored":   {oddStore{adds: true}, ports.Summary{Due: due, Renewed: due - 1, Failed: 1}, errRefused},
		"outcome cannot be stored":  {oddStore{saves: true}, ports.Summary{Due: due, Renewed: due - 1, Unknown: 1}, errRefused},
	}
	for name, tt := range tests {
		for _, concurrency := range []int{1, 8} { // the size of the first batch
			t.Run(fmt.Sprintf("%s, concurrency %d", name, concurrency), func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(w world) {
					users := w.addSubscribers(due)
					w.Clock.Advance(billingtest.Month)
					store := tt.store
					store.Store, store.user = w.Store, users[0]
					r := w.RenewerOver(store, w.Provider)
					r.Concurrency = concurrency
					w.expectRunOf(r, tt.want, tt.wantErr)
					w.expectPaid(users[1:], 2)
					w.runUntilQuiet() // in a process that can store it
					w.expectPaid(users, 2)
				})
			})
		}
	}
}
