package app_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// says is a payment system that says the same to every question.
type says billing.Outcome

func (s says) Charge(context.Context, app.ChargeRequest) (billing.Outcome, error) {
	return billing.Outcome(s), nil
}

func (s says) Find(context.Context, billing.PaymentID) (billing.Outcome, error) {
	return billing.Outcome(s), nil
}

func TestAContradictionIsRecordedOnceAndOverwritesNothing(t *testing.T) {
	t.Parallel()
	const paid, abandoned, declined = billing.PaymentSucceeded, billing.PaymentAbandoned, billing.PaymentDeclined
	tests := []struct {
		name    string
		before  mishap
		says    says
		status  billing.Status
		payment billing.PaymentStatus
		against string
		history []billing.EventType
	}{
		{
			"another amount while it is pending", lostBefore, says{Status: paid, Amount: rubles(1_00)},
			billing.StatusIncomplete, billing.PaymentPending, "the payment system took 1.00 RUB instead of 399.00 RUB",
			[]billing.EventType{billing.EventPaymentContradicted},
		},
		{
			"another amount once it is paid", fine, says{Status: paid, Amount: rubles(400_00)},
			billing.StatusActive, paid, "the payment system took 400.00 RUB instead of 399.00 RUB",
			[]billing.EventType{billing.EventSubscribed, billing.EventPaymentContradicted},
		},
		{
			"a decline of what is paid", fine, says{Status: declined, DeclineCode: billing.DoNotHonor},
			billing.StatusActive, paid, "settled as succeeded, but the payment system says declined",
			[]billing.EventType{billing.EventSubscribed, billing.EventPaymentContradicted},
		},
		{
			"money for what was declined", declines, says{Status: paid, Amount: price},
			billing.StatusEnded, declined, "settled as declined, but the payment system says succeeded",
			[]billing.EventType{billing.EventPaymentDeclined, billing.EventPaymentContradicted},
		},
		{
			"money for what was abandoned", refusesConn, says{Status: paid, Amount: price},
			billing.StatusEnded, abandoned, "settled as abandoned, but the payment system says succeeded",
			[]billing.EventType{billing.EventPaymentAbandoned, billing.EventPaymentContradicted},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.psp.suffers(tt.before)
			_, _ = w.process().Subscribe(t.Context(), toBasic())
			before := w.payments()[0]
			p := w.processOver(w.store, tt.says)
			for range 3 {
				if _, err := p.Collect(t.Context(), app.Intent{Payment: before}, token); err != nil {
					t.Error(err)
				}
				if _, err := p.Sweep(t.Context(), 10); err != nil {
					t.Error(err)
				}
				w.clock.advance(sendOver)
			}
			w.expectOne(tt.status, tt.payment)
			w.expectHistory(tt.history...)
			after := w.payments()[0]
			if after.Contradiction != tt.against {
				t.Errorf("it says %q, want %q", after.Contradiction, tt.against)
			}
			if after.Contradiction = ""; after != before {
				t.Errorf("overwritten: %+v, was %+v", after, before)
			}
		})
	}
}

func TestAnOutcomeThatTheSweepRecordedFirstIsNotRecordedAgain(t *testing.T) {
	t.Parallel()
	t.Run("paid", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.psp.taken = func() { // the answer is so slow that the sweep is quicker
			w.clock.advance(sendOver)
			w.sweep(1, 0)
			w.clock.advance(time.Hour)
		}
		settledAt := w.clock.Now().Add(sendOver)
		w.subscribed()
		w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
		w.expectHistory(billing.EventSubscribed)
		if at := w.payments()[0].SettledAt; !at.Equal(settledAt) {
			t.Errorf("settled at %s, want when the sweep did, at %s", at, settledAt)
		}
		w.expectAgreement()
	})
	t.Run("declined, and the viewer has subscribed again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.psp.suffers(declines)
		var again atomic.Bool // not a sync.Once: the second charge comes within the first
		w.psp.taken = func() {
			if again.Swap(true) {
				return
			}
			w.clock.advance(sendOver)
			w.sweep(1, 0)
			w.psp.suffers(fine)
			w.subscribed()
		}
		_, err := w.process().Subscribe(t.Context(), toBasic())
		expectError(t, err, billing.ErrPaymentDeclined)
		w.expectHistory(billing.EventPaymentDeclined, billing.EventSubscribed)
		w.expectCharges(1)
		w.expectAgreement()
	})
}

func TestTwoSweepsAtOnceSettleOnce(t *testing.T) {
	t.Parallel()
	t.Run("side by side, each takes what the other has not", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.psp.suffers(lostAfter)
		w.subscribed()
		var looks, settled atomic.Int64
		w.psp.looking = func() { looks.Add(1) }
		for _, err := range atOnce(8, func(int) error {
			got, err := w.process().Sweep(t.Context(), 10)
			settled.Add(int64(got.Settled))
			return err
		}) {
			expectError(t, err, nil)
		}
		if looks.Load() != 1 || settled.Load() != 1 {
			t.Errorf("looked up %d times and settled %d times, want once", looks.Load(), settled.Load())
		}
		w.expectHistory(billing.EventSubscribed)
	})
	t.Run("one is so slow that another does its work", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.psp.suffers(lostAfter)
		w.subscribed()
		var slow atomic.Bool
		w.psp.looking = func() {
			if slow.Swap(true) {
				return
			}
			w.clock.advance(time.Hour)
			w.sweep(1, 0)
			_, err := w.process().Cancel(t.Context(), app.Cancel{User: viewer, Ref: "basic", At: billing.AtOnce})
			expectError(t, err, nil)
		}
		w.sweep(1, 0)
		w.expectOne(billing.StatusEnded, billing.PaymentSucceeded)
		w.expectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded)
		w.expectAgreement()
	})
}

func TestACancelDuringTheChargeStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.psp.taken = func() {
		_, err := w.process().Cancel(t.Context(), app.Cancel{User: viewer, Ref: "basic", At: billing.AtOnce})
		expectError(t, err, billing.ErrInvalidTransition)
		_, err = w.process().Cancel(t.Context(), app.Cancel{User: viewer, Ref: "basic", At: billing.AtPeriodEnd})
		expectError(t, err, nil)
	}
	w.subscribed()
	if s := w.expectOne(billing.StatusActive, billing.PaymentSucceeded); !s.CancelAtPeriodEnd {
		t.Error("the cancel is lost")
	}
	w.expectHistory(billing.EventCancelRequested, billing.EventSubscribed)
}

func TestASweepSettlesManyAndNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.psp.suffers(lostAfter)
	for range 40 {
		cmd := toBasic()
		cmd.User = billing.UserID(w.newID())
		_, err := w.process().Subscribe(t.Context(), cmd)
		expectError(t, err, nil)
	}
	for want := 30; want > 0; want -= 20 {
		got, err := w.process().Sweep(t.Context(), 30)
		if err != nil || got.Settled != min(want, 30) {
			t.Errorf("the sweep says %+v, %v, want %d settled", got, err, want)
		}
	}
	w.sweep(0, 0)
	w.expectCharges(40)
	w.expectAgreement()
}

func TestWhoeverWatchesIsToldOfWhatIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.psp.suffers(lostBefore)
	w.subscribed()
	w.clock.advance(sendOver)
	var told []billing.EventType
	p := w.process()
	p.Watch = func(e billing.EventType) { told = append(told, e) }
	_, err := p.Sweep(t.Context(), 10)
	expectError(t, err, nil)
	if want := []billing.EventType{billing.EventPaymentAbandoned}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
	w.expectHistory(told...)
}

// What is watched is what is stored: an event that was not, or was already, is
// not told of.
func TestWhoeverWatchesIsToldOfWhatIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var told []billing.EventType
	p := w.process()
	p.Watch = func(e billing.EventType) { told = append(told, e) }
	expect := func(want ...billing.EventType) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("told of %v, want %v", told, want)
		}
		w.expectHistory(want...)
	}
	w.psp.suffers(lostAfter)
	_, err := p.Subscribe(t.Context(), toBasic())
	expectError(t, err, nil)
	expect()
	for range 2 {
		_, err := p.Sweep(t.Context(), 10)
		expectError(t, err, nil)
		expect(billing.EventSubscribed)
	}
}
