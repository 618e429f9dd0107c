package viewers_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func TestSubscribe_RefusesSecondLiveSubscription(t *testing.T) {
	t.Parallel()
	for m, want := range map[billingtest.Fault]billing.Status{billingtest.NoFault: billing.StatusActive, billingtest.ResponseLost: billing.StatusIncomplete, billingtest.NeedsConfirmation: billing.StatusIncomplete} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(m)
			w.MustSubscribe()
			cmd := billingtest.SubscribeBasic()
			cmd.Token = billing.NewSecret("tok_mastercard")
			_, err := w.ProcessOver(w.Store, cannotCancel{w.Provider}).Subscribe(t.Context(), cmd)
			billingtest.ExpectError(t, err, billing.ErrAlreadySubscribed)
			if n := len(w.Provider.Requests()); n != 1 {
				t.Errorf("%d charges were sent, want one", n)
			}
			if subs := w.Subscriptions(); len(subs) != 1 || subs[0].Status != want {
				t.Errorf("the subscriptions are %+v, want one that is %s", subs, want)
			}
		})
	}
	t.Run("another group", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.MustSubscribe()
		w.AddPlan("sport")
		cmd := billingtest.SubscribeBasic()
		cmd.Plan = "sport"
		_, err := w.Process().Subscribe(t.Context(), cmd)
		billingtest.ExpectError(t, err, nil)
		w.ExpectCharges(2)
	})
}

func TestSubscribe_ConcurrentRequestsChargeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	errs := billingtest.Concurrently(50, func(int) error {
		_, err := w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic())
		return err
	})
	w.expectOneWinner(errs)
}

// blindStore hides live subscriptions, as two transactions do from each other. Only
// the unique index refuses a second one.
type blindStore struct{ ports.Store }

func (s blindStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Checkout = blindCheckout{tx.Checkout}
		return f(tx)
	})
}

type blindCheckout struct{ ports.Checkout }

func (b blindCheckout) Take(ctx context.Context, queries ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	facts, err := b.Checkout.Take(ctx, queries...)
	for i := range facts {
		facts[i].Live = nil
	}
	return facts, err
}

func TestSubscribe_UniqueIndexCatchesRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	errs := billingtest.Concurrently(50, func(int) error {
		_, err := w.ProcessOver(blindStore{w.Store}, w.Provider).Subscribe(t.Context(), billingtest.SubscribeBasic())
		return err
	})
	w.expectOneWinner(errs)
}

// expectOneWinner expects that one request succeeded, and that all others returned
// ErrAlreadySubscribed.
func (w world) expectOneWinner(errs []error) {
	w.T.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			billingtest.ExpectError(w.T, err, billing.ErrAlreadySubscribed)
		}
	}
	if n := len(w.Provider.Requests()); won != 1 || n != 1 {
		w.T.Errorf("%d requests succeeded and %d charges were sent, want one and one", won, n)
	}
	w.ExpectCharges(1)
	w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
	w.ExpectReconciled()
}

func TestSubscribe_AfterCancel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		at   billing.CancelAt
		wait time.Duration
		want error
	}{
		{"cancelled, still running", billing.AtPeriodEnd, 0, billing.ErrAlreadySubscribed},
		{"cancelled, over, stored as live", billing.AtPeriodEnd, 40 * 24 * time.Hour, nil},
		{"cancelled at once", billing.AtOnce, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.MustSubscribe()
			_, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: tt.at})
			billingtest.ExpectError(t, err, nil)
			w.Clock.Advance(tt.wait)
			_, err = w.Process().Subscribe(t.Context(), billingtest.SubscribeBasic())
			billingtest.ExpectError(t, err, tt.want)
			if tt.want != nil {
				w.ExpectCharges(1)
				return
			}
			w.ExpectCharges(2)
			w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded, billing.EventSubscribed)
			w.ExpectReconciled()
		})
	}
}

func TestSubscribe_ConcurrentKeyChargesOnce(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.ResponseLost, billingtest.Decline} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(m)
			responses := make([]ports.Response, 50)
			errs := billingtest.Concurrently(len(responses), func(i int) (err error) {
				responses[i], err = w.Process().subscribeKeyed(t.Context(), w.newRequest())
				return err
			})
			want, err := w.Process().subscribeKeyed(t.Context(), w.newRequest())
			billingtest.ExpectError(t, err, nil)
			for i, err := range errs {
				if errors.Is(err, billing.ErrRequestInProgress) {
					continue
				}
				if err != nil || responses[i].Status != want.Status || string(responses[i].Body) != string(want.Body) {
					t.Errorf("got %d %s, %v, want %d %s", responses[i].Status, responses[i].Body, err, want.Status, want.Body)
				}
			}
			if n := len(w.Provider.Requests()); n != 1 {
				t.Errorf("%d charges were sent, want one", n)
			}
			w.settleAll()
			w.expectConsistent()
		})
	}
}

// Both requests look up their common key before either is processed. The claim in
// the second transaction must fail, regardless of the outcome of the first. After a
// decline no other rule would stop the second.
func TestSubscribe_KeyClaimCatchesRace(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.ResponseLost, billingtest.Decline} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(m)
			cmds := []viewers.Subscribe{billingtest.SubscribeBasic(), billingtest.SubscribeBasic()}
			for i := range cmds {
				r := w.newRequest()
				cmds[i].Request = &r
				if response, work, err := w.Process().Replay(t.Context(), r); response != nil || work != nil || err != nil {
					t.Fatalf("Replay = %v, %v, %v, want nothing", response, work, err)
				}
			}
			_, _ = w.Process().Subscribe(t.Context(), cmds[0])
			_, err := w.Process().Subscribe(t.Context(), cmds[1])
			billingtest.ExpectError(t, err, billing.ErrRequestInProgress)
			if n := len(w.Provider.Requests()); n != 1 {
				t.Errorf("%d charges were sent, want one", n)
			}
		})
	}
}
