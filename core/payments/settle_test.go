package payments_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// says is a payment system that says the same to every question.
type says billing.Outcome

func (s says) Charge(context.Context, ports.ChargeRequest) (billing.Outcome, error) {
	return billing.Outcome(s), nil
}

func (s says) Find(context.Context, billing.PaymentID) (billing.Outcome, error) {
	return billing.Outcome(s), nil
}

func TestCollector_RecordsContradictionOnce(t *testing.T) {
	t.Parallel()
	const paid, abandoned, declined = billing.PaymentSucceeded, billing.PaymentAbandoned, billing.PaymentDeclined
	tests := []struct {
		name    string
		before  billingtest.Fault
		says    says
		status  billing.Status
		payment billing.PaymentStatus
		against string
		history []billing.EventType
	}{
		{
			"another amount while it is pending", billingtest.RequestLost, says{Status: paid, Amount: billingtest.Rubles(1_00)},
			billing.StatusIncomplete, billing.PaymentPending, "the payment system took 1.00 RUB instead of 399.00 RUB",
			[]billing.EventType{billing.EventPaymentContradicted},
		},
		{
			"another amount once it is paid", billingtest.NoFault, says{Status: paid, Amount: billingtest.Rubles(400_00)},
			billing.StatusActive, paid, "the payment system took 400.00 RUB instead of 399.00 RUB",
			[]billing.EventType{billing.EventSubscribed, billing.EventPaymentContradicted},
		},
		{
			"a decline of what is paid", billingtest.NoFault, says{Status: declined, DeclineCode: billing.DoNotHonor},
			billing.StatusActive, paid, "settled as succeeded, but the payment system says declined",
			[]billing.EventType{billing.EventSubscribed, billing.EventPaymentContradicted},
		},
		{
			"money for what was declined", billingtest.Decline, says{Status: paid, Amount: billingtest.Price},
			billing.StatusEnded, declined, "settled as declined, but the payment system says succeeded",
			[]billing.EventType{billing.EventPaymentDeclined, billing.EventPaymentContradicted},
		},
		{
			"money for what was abandoned", billingtest.ConnectionRefused, says{Status: paid, Amount: billingtest.Price},
			billing.StatusEnded, abandoned, "settled as abandoned, but the payment system says succeeded",
			[]billing.EventType{billing.EventPaymentAbandoned, billing.EventPaymentContradicted},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(tt.before)
			_, _ = w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic())
			before := w.Payments()[0]
			p := w.ProcessOver(w.Store, tt.says)
			for range 3 {
				if _, err := p.Collect(t.Context(), payments.Intent{Payment: before}, billingtest.Token); err != nil {
					t.Error(err)
				}
				if _, err := p.Sweep(t.Context(), 10); err != nil {
					t.Error(err)
				}
				w.Clock.Advance(billingtest.PastSendWindow)
			}
			w.ExpectSubscription(tt.status, tt.payment)
			w.ExpectHistory(tt.history...)
			after := w.Payments()[0]
			if after.Contradiction != tt.against {
				t.Errorf("it says %q, want %q", after.Contradiction, tt.against)
			}
			if after.Contradiction = ""; after != before {
				t.Errorf("overwritten: %+v, was %+v", after, before)
			}
		})
	}
}

func TestCollect_SweepRecordedFirst(t *testing.T) {
	t.Parallel()
	t.Run("paid", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Provider.OnCharge = func() { // the answer is so slow that the sweep is quicker
			w.Clock.Advance(billingtest.PastSendWindow)
			w.ExpectSweep(1, 0)
			w.Clock.Advance(time.Hour)
		}
		settledAt := w.Clock.Now().Add(billingtest.PastSendWindow)
		w.MustSubscribe()
		w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
		w.ExpectHistory(billing.EventSubscribed)
		if at := w.Payments()[0].SettledAt; !at.Equal(settledAt) {
			t.Errorf("settled at %s, want when the sweep did, at %s", at, settledAt)
		}
		w.ExpectReconciled()
	})
	t.Run("declined, and the viewer has subscribed again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Provider.SetFault(billingtest.Decline)
		var again atomic.Bool // not a sync.Once: the second charge comes within the first
		w.Provider.OnCharge = func() {
			if again.Swap(true) {
				return
			}
			w.Clock.Advance(billingtest.PastSendWindow)
			w.ExpectSweep(1, 0)
			w.Provider.SetFault(billingtest.NoFault)
			w.MustSubscribe()
		}
		_, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic())
		billingtest.ExpectError(t, err, billing.ErrPaymentDeclined)
		w.ExpectHistory(billing.EventPaymentDeclined, billing.EventSubscribed)
		w.ExpectCharges(1)
		w.ExpectReconciled()
	})
}

func TestSweep_ConcurrentSweepsSettleOnce(t *testing.T) {
	t.Parallel()
	t.Run("side by side, each takes what the other has not", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Provider.SetFault(billingtest.ResponseLost)
		w.MustSubscribe()
		var looks, settled atomic.Int64
		w.Provider.OnFind = func() { looks.Add(1) }
		for _, err := range billingtest.Concurrently(8, func(int) error {
			got, err := w.Process().Sweep(t.Context(), 10)
			settled.Add(int64(got.Settled))
			return err
		}) {
			billingtest.ExpectError(t, err, nil)
		}
		if looks.Load() != 1 || settled.Load() != 1 {
			t.Errorf("looked up %d times and settled %d times, want once", looks.Load(), settled.Load())
		}
		w.ExpectHistory(billing.EventSubscribed)
	})
	t.Run("one is so slow that another does its work", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Provider.SetFault(billingtest.ResponseLost)
		w.MustSubscribe()
		var slow atomic.Bool
		w.Provider.OnFind = func() {
			if slow.Swap(true) {
				return
			}
			w.Clock.Advance(time.Hour)
			w.ExpectSweep(1, 0)
			_, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtOnce})
			billingtest.ExpectError(t, err, nil)
		}
		w.ExpectSweep(1, 0)
		w.ExpectSubscription(billing.StatusEnded, billing.PaymentSucceeded)
		w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded)
		w.ExpectReconciled()
	})
}

func TestCollect_CancelDuringCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.OnCharge = func() {
		_, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtOnce})
		billingtest.ExpectError(t, err, billing.ErrInvalidTransition)
		_, err = w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd})
		billingtest.ExpectError(t, err, nil)
	}
	w.MustSubscribe()
	if s := w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded); !s.CancelAtPeriodEnd {
		t.Error("the cancel is lost")
	}
	w.ExpectHistory(billing.EventCancelRequested, billing.EventSubscribed)
}

func TestSweep_Limit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.SetFault(billingtest.ResponseLost)
	for range 40 {
		cmd := billingtest.SubscribeBasic()
		cmd.User = billing.UserID(w.NewID())
		_, err := w.Process().Subscribe(t.Context(), cmd)
		billingtest.ExpectError(t, err, nil)
	}
	for want := 30; want > 0; want -= 20 {
		got, err := w.Process().Sweep(t.Context(), 30)
		if err != nil || got.Settled != min(want, 30) {
			t.Errorf("the sweep says %+v, %v, want %d settled", got, err, want)
		}
	}
	w.ExpectSweep(0, 0)
	w.ExpectCharges(40)
	w.ExpectReconciled()
}

func TestWatch_AbandonedPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.SetFault(billingtest.RequestLost)
	w.MustSubscribe()
	w.Clock.Advance(billingtest.PastSendWindow)
	var told []billing.EventType
	p := w.Process()
	p.Watch = func(e billing.EventType) { told = append(told, e) }
	_, err := p.Sweep(t.Context(), 10)
	billingtest.ExpectError(t, err, nil)
	if want := []billing.EventType{billing.EventPaymentAbandoned}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
	w.ExpectHistory(told...)
}

// What is watched is what is stored: an event that was not, or was already, is
// not told of.
func TestWatch_OnlyStoredEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var told []billing.EventType
	p := w.Process()
	p.Watch = func(e billing.EventType) { told = append(told, e) }
	expect := func(want ...billing.EventType) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("told of %v, want %v", told, want)
		}
		w.ExpectHistory(want...)
	}
	w.Provider.SetFault(billingtest.ResponseLost)
	_, err := p.Subscribe(t.Context(), billingtest.SubscribeBasic())
	billingtest.ExpectError(t, err, nil)
	expect()
	for range 2 {
		_, err := p.Sweep(t.Context(), 10)
		billingtest.ExpectError(t, err, nil)
		expect(billing.EventSubscribed)
	}
}
