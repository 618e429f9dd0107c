package payments_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// chargeFunc is a payment system whose charges are replaced.
type chargeFunc struct {
	ports.Provider
	charge func(context.Context, ports.ChargeRequest) (billing.Outcome, error)
}

func (c chargeFunc) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	return c.charge(ctx, r)
}

// The client leaves while its charge is on its way. The charge goes on.
func TestCollect_ChargeOutlivesCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, leave := context.WithCancel(t.Context())
	p := w.ProcessOver(w.Store, chargeFunc{w.Provider, func(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
		leave()
		if ctx.Err() != nil {
			return billing.Outcome{}, ctx.Err()
		}
		return w.Provider.Charge(ctx, r)
	}})
	_, _ = p.Subscribe(ctx, billingtest.SubscribeBasic()) // the response has no receiver
	w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
	w.ExpectCharges(1)
}

// A sweep settles the payment before the charge learns that its response is lost. The
// viewer gets the stored state, not the state from before the charge.
func TestCollect_ResponseLostAfterSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.SetFault(billingtest.ResponseLost)
	w.Provider.OnCharge = func() {
		w.Clock.Advance(billingtest.PastSendWindow)
		w.ExpectSweep(1, 0)
	}
	if v := w.MustSubscribe(); v.Status != billing.StatusActive || v.Latest.Status != billing.PaymentSucceeded {
		t.Errorf("the viewer got a subscription that is %s and a payment that is %s, want both as stored", v.Status, v.Latest.Status)
	}
	w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
}

func TestRecord_PaymentNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	unknown := w.Payments()[0]
	unknown.ID = "id-unknown"
	c := w.Process().Collector
	_, err := c.Record(t.Context(), attempt(c, unknown))
	if err == nil || !strings.Contains(err.Error(), "of 1 payments, 0 are stored") {
		t.Errorf("Record = %v, want an error that counts the stored payments", err)
	}
}

// poisonedStore cannot store the outcome of one payment. It holds its first
// transaction until the gate is closed.
type poisonedStore struct {
	ports.Store
	poison billing.PaymentID
	gate   chan struct{}
	first  *sync.Once
}

var errPoisoned = errors.New("the outcome cannot be stored")

func (s poisonedStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	s.first.Do(func() { <-s.gate })
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments = poisonedPayments{tx.Payments, s.poison}
		return f(tx)
	})
}

type poisonedPayments struct {
	ports.Payments
	poison billing.PaymentID
}

func (p poisonedPayments) SaveIfUnchanged(ctx context.Context, list ...ports.Versioned[billing.Payment]) error {
	if slices.ContainsFunc(list, func(v ports.Versioned[billing.Payment]) bool { return v.Record.ID == p.poison }) {
		return errPoisoned
	}
	return p.Payments.SaveIfUnchanged(ctx, list...)
}

// Outcomes of several viewers share a transaction. An outcome that cannot be stored must
// not keep the others from being stored.
func TestCollect_FailedBatchIsRecordedOneByOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		pending := w.pendingPayments(4)
		s := poisonedStore{w.Store, pending[2].ID, make(chan struct{}), new(sync.Once)}
		p := w.ProcessOver(s, w.Provider)
		results, errs := make([]payments.Result, len(pending)), make([]error, len(pending))
		var all sync.WaitGroup
		for i := range pending { // the first is a batch, the others form the next one
			all.Go(func() {
				results[i], errs[i] = p.Collect(w.T.Context(), attempt(p.Collector, pending[i]), billingtest.Token)
			})
			synctest.Wait()
		}
		close(s.gate)
		all.Wait()
		for i, err := range errs {
			if i == 2 {
				billingtest.ExpectError(w.T, err, errPoisoned)
				continue
			}
			billingtest.ExpectError(w.T, err, nil)
			if p := results[i].Payment; p == nil || p.Status != billing.PaymentSucceeded {
				w.T.Errorf("payment %d is %+v, want it paid", i, p)
			}
		}
	})
}

// pendingPayments returns the pending payments of n new viewers, whose requests were
// lost.
func (w world) pendingPayments(n int) []billing.Payment {
	w.T.Helper()
	w.Provider.SetFault(billingtest.RequestLost)
	defer w.Provider.SetFault(billingtest.NoFault)
	list := make([]billing.Payment, n)
	for i := range list {
		cmd := billingtest.SubscribeBasic()
		cmd.User = billing.UserID(w.NewID())
		v, err := w.Process().Subscribe(w.T.Context(), cmd)
		billingtest.ExpectError(w.T, err, nil)
		list[i] = v.Latest
	}
	return list
}

// A payment that a sweep found pending stays leased. The next sweep would otherwise look
// it up again at once.
func TestSweep_PendingPaymentStaysLeased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.SetFault(billingtest.NeedsConfirmation)
	w.MustSubscribe()
	w.ExpectSweep(0, 1)
	w.ExpectSweep(0, 0)
}
