package payments_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// fixedOutcome is a payment system that returns one outcome for all calls.
type fixedOutcome billing.Outcome

func (o fixedOutcome) Charge(context.Context, ports.ChargeRequest) (billing.Outcome, error) {
	return billing.Outcome(o), nil
}

func (o fixedOutcome) Capabilities() ports.Capabilities {
	return ports.Capabilities{Accepts: []ports.Means{ports.ByToken}}
}

func (o fixedOutcome) Find(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
	return billing.Outcome(o), nil
}

func TestCollector_RecordsContradictionOnce(t *testing.T) {
	t.Parallel()
	const paid, abandoned, declined = billing.PaymentSucceeded, billing.PaymentAbandoned, billing.PaymentDeclined
	tests := []struct {
		name    string
		before  billingtest.Fault
		later   fixedOutcome // of the following charges and lookups
		status  billing.Status
		payment billing.PaymentStatus
		message string // the contradiction
		history []billing.EventType
	}{
		{
			"pending, another amount taken", billingtest.RequestLost, fixedOutcome{Status: paid, Amount: billingtest.Rubles(1_00)},
			billing.StatusIncomplete, billing.PaymentPending, "the payment system took 1.00 RUB instead of 399.00 RUB",
			[]billing.EventType{billing.EventPaymentContradicted},
		},
		{
			"paid, another amount taken", billingtest.NoFault, fixedOutcome{Status: paid, Amount: billingtest.Rubles(400_00)},
			billing.StatusActive, paid, "the payment system took 400.00 RUB instead of 399.00 RUB",
			[]billing.EventType{billing.EventSubscribed, billing.EventPaymentContradicted},
		},
		{
			"paid, then declined", billingtest.NoFault, fixedOutcome{Status: declined, DeclineCode: billing.DoNotHonor},
			billing.StatusActive, paid, "settled as succeeded, but the payment system says declined",
			[]billing.EventType{billing.EventSubscribed, billing.EventPaymentContradicted},
		},
		{
			"declined, then paid", billingtest.Decline, fixedOutcome{Status: paid, Amount: billingtest.Price},
			billing.StatusEnded, declined, "settled as declined, but the payment system says succeeded",
			[]billing.EventType{billing.EventPaymentDeclined, billing.EventPaymentContradicted, billing.EventRefundRequested},
		},
		{
			"abandoned, then paid", billingtest.ConnectionRefused, fixedOutcome{Status: paid, Amount: billingtest.Price},
			billing.StatusEnded, abandoned, "settled as abandoned, but the payment system says succeeded",
			[]billing.EventType{billing.EventPaymentAbandoned, billing.EventPaymentContradicted, billing.EventRefundRequested},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(tt.before)
			_, _ = w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic())
			before := w.Payments()[0]
			p := w.ProcessOver(w.Store, tt.later)
			for range 3 {
				if _, err := p.Collect(t.Context(), attempt(p.Collector, before), billingtest.Token); err != nil {
					t.Error(err)
				}
				if _, err := p.Sweep(t.Context(), 10, 16); err != nil {
					t.Error(err)
				}
				w.Clock.Advance(billingtest.PastSendWindow)
			}
			w.ExpectSubscription(tt.status, tt.payment)
			w.ExpectHistory(tt.history...)
			after := w.Payments()[0]
			if after.Contradiction != tt.message {
				t.Errorf("the contradiction is %q, want %q", after.Contradiction, tt.message)
			}
			if late := before.Status == declined || before.Status == abandoned; late {
				w.expectWholeRefund(after)
				after.Refunded, after.ChargedLateAt = 0, time.Time{}
			}
			if after.Contradiction = ""; after != before {
				t.Errorf("the payment changed to %+v, was %+v", after, before)
			}
		})
	}
}

func TestCollect_SweepRecordedFirst(t *testing.T) {
	t.Parallel()
	t.Run("paid", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Provider.OnCharge = func() { // the sweep finishes before the response arrives
			w.Clock.Advance(billingtest.PastSendWindow)
			w.ExpectSweep(1, 0)
			w.Clock.Advance(time.Hour)
		}
		settledAt := w.Clock.Now().Add(billingtest.PastSendWindow)
		w.MustSubscribe()
		w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
		w.ExpectHistory(billing.EventSubscribed)
		if at := w.Payments()[0].SettledAt; !at.Equal(settledAt) {
			t.Errorf("settled at %s, want the time of the sweep, %s", at, settledAt)
		}
		w.ExpectReconciled()
	})
	t.Run("declined, viewer subscribed again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Provider.SetFault(billingtest.Decline)
		var second atomic.Bool // not a sync.Once: the second charge happens within the first
		w.Provider.OnCharge = func() {
			if second.Swap(true) {
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
	t.Run("eight at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Provider.SetFault(billingtest.ResponseLost)
		w.MustSubscribe()
		var lookups, settled atomic.Int64
		w.Provider.OnFind = func() { lookups.Add(1) }
		for _, err := range billingtest.Concurrently(8, func(int) error {
			got, err := w.Process().Sweep(t.Context(), 10, 16)
			n, _ := got.Count()
			settled.Add(int64(n))
			return err
		}) {
			billingtest.ExpectError(t, err, nil)
		}
		if lookups.Load() != 1 || settled.Load() != 1 {
			t.Errorf("looked up %d times and settled %d times, want once", lookups.Load(), settled.Load())
		}
		w.ExpectHistory(billing.EventSubscribed)
	})
	t.Run("second sweep settles during the first's lookup", func(t *testing.T) {
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
		t.Error("CancelAtPeriodEnd = false, want the cancel kept")
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
		got, err := w.Process().Sweep(t.Context(), 30, 16)
		if n, _ := got.Count(); err != nil || n != min(want, 30) {
			t.Errorf("Sweep = %+v, %v, want %d settled", got, err, min(want, 30))
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
	var watched []billing.EventType
	p := w.Process()
	p.Watch = func(e billing.EventType) { watched = append(watched, e) }
	_, err := p.Sweep(t.Context(), 10, 16)
	billingtest.ExpectError(t, err, nil)
	if want := []billing.EventType{billing.EventPaymentAbandoned}; !slices.Equal(watched, want) {
		t.Errorf("Watch received %v, want %v", watched, want)
	}
	w.ExpectHistory(watched...)
}

// Watch receives an event once, and only if it was stored.
func TestWatch_OnlyStoredEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var watched []billing.EventType
	p := w.Process()
	p.Watch = func(e billing.EventType) { watched = append(watched, e) }
	expect := func(want ...billing.EventType) {
		t.Helper()
		if !slices.Equal(watched, want) {
			t.Errorf("Watch received %v, want %v", watched, want)
		}
		w.ExpectHistory(want...)
	}
	w.Provider.SetFault(billingtest.ResponseLost)
	_, err := p.Subscribe(t.Context(), billingtest.SubscribeBasic())
	billingtest.ExpectError(t, err, nil)
	expect()
	for range 2 {
		_, err := p.Sweep(t.Context(), 10, 16)
		billingtest.ExpectError(t, err, nil)
		expect(billing.EventSubscribed)
	}
}
