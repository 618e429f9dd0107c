package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func TestASecondLiveSubscriptionIsRefused(t *testing.T) {
	t.Parallel()
	for m, want := range map[mishap]billing.Status{fine: billing.StatusActive, lostAfter: billing.StatusIncomplete, waits: billing.StatusIncomplete} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.psp.suffers(m)
			w.subscribed()
			cmd := toBasic()
			cmd.Token = billing.NewSecret("tok_mastercard")
			_, err := w.process().Subscribe(t.Context(), cmd)
			expectError(t, err, billing.ErrAlreadySubscribed)
			if n := len(w.psp.requests()); n != 1 {
				t.Errorf("the payment system was asked %d times, want once", n)
			}
			if subs := w.subscriptions(); len(subs) != 1 || subs[0].Status != want {
				t.Errorf("there are %+v", subs)
			}
		})
	}
	t.Run("to another plan it is not", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.subscribed()
		w.sell("sport")
		cmd := toBasic()
		cmd.Plan = "sport"
		_, err := w.process().Subscribe(t.Context(), cmd)
		expectError(t, err, nil)
		w.expectCharges(2)
	})
}

func TestFiftySubscribesAtOnceChargeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	errs := atOnce(50, func(int) error {
		_, err := w.process().Subscribe(t.Context(), toBasic())
		return err
	})
	w.expectOneWinner(errs)
}

// blind is a store in which nobody sees a live subscription: as it is for two
// who look at the same moment. Only its unique rule is left.
type blind struct{ app.Store }

func (s blind) InTx(ctx context.Context, f func(app.Repos) error) error {
	return s.Store.InTx(ctx, func(tx app.Repos) error {
		tx.Orders = blindOrders{tx.Orders}
		return f(tx)
	})
}

type blindOrders struct{ app.Orders }

func (b blindOrders) Take(ctx context.Context, asked ...app.OrderQuery) ([]app.OrderFacts, error) {
	facts, err := b.Orders.Take(ctx, asked...)
	for i := range facts {
		facts[i].Live = nil
	}
	return facts, err
}

func TestTheUniqueRuleRefusesWhoeverDidNotSeeTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	errs := atOnce(50, func(int) error {
		_, err := w.processOver(blind{w.store}, w.psp).Subscribe(t.Context(), toBasic())
		return err
	})
	w.expectOneWinner(errs)
}

func (w world) expectOneWinner(errs []error) {
	w.t.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			expectError(w.t, err, billing.ErrAlreadySubscribed)
		}
	}
	if n := len(w.psp.requests()); won != 1 || n != 1 {
		w.t.Errorf("%d won, and the payment system was asked %d times, want one and once", won, n)
	}
	w.expectCharges(1)
	w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
	w.expectAgreement()
}

func TestSubscribeAfterTheEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		at   billing.CancelAt
		wait time.Duration
		want error
	}{
		{"cancelled, still running", billing.AtPeriodEnd, 0, billing.ErrAlreadySubscribed},
		{"cancelled, over, not yet written down", billing.AtPeriodEnd, 40 * 24 * time.Hour, nil},
		{"cancelled at once", billing.AtOnce, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.subscribed()
			_, err := w.process().Cancel(t.Context(), app.Cancel{User: viewer, Ref: "basic", At: tt.at})
			expectError(t, err, nil)
			w.clock.advance(tt.wait)
			_, err = w.process().Subscribe(t.Context(), toBasic())
			expectError(t, err, tt.want)
			if tt.want != nil {
				w.expectCharges(1)
				return
			}
			w.expectCharges(2)
			w.expectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded, billing.EventSubscribed)
			w.expectAgreement()
		})
	}
}

func TestOneKeyAtOnceChargesOnce(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{fine, lostAfter, declines} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.psp.suffers(m)
			answers := make([]app.Answer, 50)
			errs := atOnce(len(answers), func(i int) (err error) {
				answers[i], err = w.process().subscribe(t.Context(), w.request())
				return err
			})
			want, err := w.process().subscribe(t.Context(), w.request())
			expectError(t, err, nil)
			for i, err := range errs {
				if errors.Is(err, billing.ErrRequestInProgress) {
					continue
				}
				if err != nil || answers[i].Status != want.Status || string(answers[i].Body) != string(want.Body) {
					t.Errorf("got %d %s, %v, want %d %s", answers[i].Status, answers[i].Body, err, want.Status, want.Body)
				}
			}
			if n := len(w.psp.requests()); n != 1 {
				t.Errorf("the payment system was asked %d times, want once", n)
			}
			w.settleAll()
			w.expectClean()
		})
	}
}

// Two requests with one key that both looked before either had done anything:
// whatever became of the first, the claim in the second's transaction stops it.
// After a decline nothing else would.
func TestTheClaimStopsWhoeverDidNotSeeTheOther(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{fine, lostAfter, declines} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.psp.suffers(m)
			cmds := []app.Subscribe{toBasic(), toBasic()}
			for i := range cmds {
				r := w.request()
				cmds[i].Request = &r
				if answer, work, err := w.process().Replay(t.Context(), r); answer != nil || work != nil || err != nil {
					t.Fatalf("the key is known: %v, %v, %v", answer, work, err)
				}
			}
			_, _ = w.process().Subscribe(t.Context(), cmds[0])
			_, err := w.process().Subscribe(t.Context(), cmds[1])
			expectError(t, err, billing.ErrRequestInProgress)
			if n := len(w.psp.requests()); n != 1 {
				t.Errorf("the payment system was asked %d times, want once", n)
			}
		})
	}
}
