package payments_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

var errRefused = errors.New("the database refuses a value")

// refusingStore fails each transaction that touches the payment or the method of odd.
// A batch fails with errRefused, and later transactions as single says.
type refusingStore struct {
	ports.Store
	odd    billing.Payment
	single func() error
}

func (s refusingStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments, tx.Methods = refusingPayments{tx.Payments, s}, refusingMethods{tx.Methods, s}
		return f(tx)
	})
}

type refusingPayments struct {
	ports.Payments
	refusingStore
}

func (r refusingPayments) SaveIfUnchanged(ctx context.Context, list ...ports.Versioned[billing.Payment]) error {
	isOdd := func(v ports.Versioned[billing.Payment]) bool { return v.Record.ID == r.odd.ID }
	switch {
	case len(list) == 1 && r.single != nil:
		if err := r.single(); err != nil {
			return err
		}
	case slices.ContainsFunc(list, isOdd):
		return errRefused
	}
	return r.Payments.SaveIfUnchanged(ctx, list...)
}

type refusingMethods struct {
	ports.Methods
	refusingStore
}

func (r refusingMethods) Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error) {
	if id == r.odd.MethodID {
		return billing.PaymentMethod{}, errRefused
	}
	return r.Methods.Find(ctx, user, id)
}

// subscribeMany subscribes n new viewers while the payment system has a fault, and
// returns their pending payments.
func (w world) subscribeMany(n int, f billingtest.Fault) []billing.Payment {
	w.T.Helper()
	w.Provider.SetFault(f)
	defer w.Provider.SetFault(billingtest.NoFault)
	list := make([]billing.Payment, n)
	for i := range list {
		cmd := billingtest.SubscribeBasic()
		cmd.User, cmd.Token = billing.UserID(w.NewID()), billing.NewSecret("tok_"+w.NewID())
		v, err := w.Process().Subscribe(w.T.Context(), cmd)
		billingtest.ExpectError(w.T, err, nil)
		list[i] = v.Latest
	}
	return list
}

// One payment of a sweep cannot be settled. It stays pending, and the others are
// settled: the paid ones of a batch of outcomes, and the abandoned ones of a batch of
// absences.
func TestSweep_OnePaymentFails(t *testing.T) {
	t.Parallel()
	for _, fault := range []billingtest.Fault{billingtest.ResponseLost, billingtest.RequestLost} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			const n = 60
			w := newWorld(t)
			list := w.subscribeMany(n, fault)
			w.Clock.Advance(billingtest.PastSendWindow)
			p := w.ProcessOver(refusingStore{Store: w.Store, odd: list[n/2]}, w.Provider)
			swept, err := p.Sweep(t.Context(), 100, 16)
			billingtest.ExpectError(t, err, errRefused)
			if settled, _ := swept.Count(); settled != n-1 {
				t.Errorf("the sweep settled %d payments, want %d", settled, n-1)
			}
			w.Clock.Advance(billingtest.PastSendWindow)
			w.ExpectSweep(1, 0) // in a process that can store it
			w.ExpectReconciled()
		})
	}
}

// The results of a batch are in the order of the attempts, with the error in the
// result of the attempt that failed.
func TestRecord_OneAttemptFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := w.subscribeMany(3, billingtest.RequestLost)
	results, err := w.chargeAndRecord(refusingStore{Store: w.Store, odd: list[1]}, list)
	billingtest.ExpectError(t, err, errRefused)
	if len(results) != len(list) {
		t.Fatalf("got %d results, want %d", len(results), len(list))
	}
	for i, r := range results {
		want, wantErr := billing.PaymentSucceeded, error(nil)
		if i == 1 {
			want, wantErr = billing.PaymentPending, errRefused
		}
		if r.Payment.ID != list[i].ID || r.Payment.Status != want || !errors.Is(r.Err, wantErr) {
			t.Errorf("result %d is payment %s, %s, %v; want %s, %s, %v", i, r.Payment.ID, r.Payment.Status, r.Err, list[i].ID, want, wantErr)
		}
	}
}

// The database fails while the attempts are recorded one by one. The others are not
// tried, and are left to a sweep.
func TestRecord_DatabaseFailsWhileOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := w.subscribeMany(5, billingtest.RequestLost)
	tried := 0
	s := refusingStore{Store: w.Store, odd: list[4], single: func() error {
		if tried++; tried > 2 {
			return billing.ErrUnavailable
		}
		return nil
	}}
	results, err := w.chargeAndRecord(s, list)
	billingtest.ExpectError(t, err, billing.ErrUnavailable)
	if len(results) != 2 || tried != 3 {
		t.Errorf("got %d results after %d transactions, want 2 after 3", len(results), tried)
	}
	w.Clock.Advance(billingtest.PastSendWindow)
	w.ExpectSweep(3, 0)
	w.ExpectReconciled()
}

// chargeAndRecord charges the payments in a process over s, and records their
// outcomes together.
func (w world) chargeAndRecord(s ports.Store, list []billing.Payment) ([]payments.Result, error) {
	p := w.ProcessOver(s, w.Provider)
	attempts := make([]payments.Attempt, len(list))
	for i := range list {
		attempts[i] = attempt(p.Collector, list[i])
		p.Charge(w.T.Context(), &attempts[i], billingtest.Token)
	}
	return p.Record(w.T.Context(), attempts...)
}
