package payments_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// removed links a token and removes the method. It returns the method.
func (w world) removed(token billing.Secret) viewers.Method {
	w.T.Helper()
	m := w.linked(token)
	if err := w.Methods(w.Store, w.Provider).Remove(w.T.Context(), billingtest.Viewer, m.ID); err != nil {
		w.T.Fatal(err)
	}
	return m
}

func (w world) linked(token billing.Secret) viewers.Method {
	w.T.Helper()
	m, err := w.Methods(w.Store, w.Provider).Link(w.T.Context(), viewers.LinkToken{
		User: billingtest.Viewer, PaymentSystem: billingtest.System, Token: token,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return m
}

// expectForget asks the payment system in a new process.
func (w world) expectForget(done, failed int) {
	w.T.Helper()
	got, err := w.Forgetter(w.Store, w.Provider).Forget(w.T.Context(), 10, 2)
	if err != nil || got != (payments.Forgotten{Done: done, Failed: failed}) {
		w.T.Errorf("Forget = %+v, %v; want %d done and %d failed", got, err, done, failed)
	}
}

func (w world) expectForgot(times int) {
	w.T.Helper()
	if n := w.Provider.Forgot(billingtest.Token); n != times {
		w.T.Errorf("the payment system was asked to forget the token %d times, want %d", n, times)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.removed(billingtest.Token)
		w.expectForget(1, 0)
		w.expectForget(0, 0)
		w.expectForgot(1)
		_, err := w.Process().Subscribe(w.T.Context(), billingtest.SubscribeBasic())
		billingtest.ExpectError(w.T, err, billing.ErrPaymentTokenUnknown)
	})
}

// A payment system that is unavailable, or whose answer is lost, is asked again.
func TestForget_Repeats(t *testing.T) {
	t.Parallel()
	for f, asked := range map[billingtest.Fault]int{billingtest.ConnectionRefused: 1, billingtest.ResponseLost: 2} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.removed(billingtest.Token)
				w.Provider.SetFault(f)
				w.expectForget(0, 1)
				w.expectForget(0, 0) // the lease of the first attempt
				w.Provider.SetFault(billingtest.NoFault)
				time.Sleep(time.Minute)
				w.expectForget(1, 0)
				w.expectForgot(asked)
			})
		})
	}
}

// Whatever step the process reaches, another one finishes the work.
func TestForget_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for n, done := 0, false; !done; n++ {
		inBubble(t, func(w world) {
			w.removed(billingtest.Token)
			crash := billingtest.CrashAfter(n)
			_, _ = w.Forgetter(crash.Store(w.Store), crash.Forgetter(w.Provider)).Forget(w.T.Context(), 10, 2)
			done = !crash.Happened()
			time.Sleep(time.Minute)
			if _, err := w.Forgetter(w.Store, w.Provider).Forget(w.T.Context(), 10, 2); err != nil {
				w.T.Error(err)
			}
			time.Sleep(time.Hour)
			w.expectForget(0, 0)
			if w.Provider.Forgot(billingtest.Token) == 0 {
				w.T.Errorf("crash at step %d: the payment system was not asked", n+1)
			}
		})
	}
}

// A token that the viewer uses again must work.
func TestForget_TokenInUse(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.removed(billingtest.Token)
		w.MustSubscribe() // with the same token
		w.expectForget(1, 0)
		w.expectForgot(0)
		w.Clock.Advance(billingtest.Month)
		if sum, err := w.Renewer().Run(w.T.Context()); err != nil || sum.Renewed != 1 {
			w.T.Errorf("the run returns %+v, %v; want a renewal", sum, err)
		}
	})
}

// A payment that may still be charged comes first.
func TestForget_WaitsForPayment(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Provider.SetFault(billingtest.NeedsConfirmation)
		w.linked(billingtest.Token)
		m := w.MustSubscribe().MethodID
		billingtest.ExpectError(w.T, w.Methods(w.Store, w.Provider).Remove(w.T.Context(), billingtest.Viewer, m), billing.ErrUnavailable)
		w.expectForget(0, 1)
		w.expectForgot(0)
		w.Provider.DeclineAll()
		time.Sleep(billingtest.PastSendWindow)
		if _, err := w.Process().Sweep(w.T.Context(), 10, 1); err != nil {
			w.T.Error(err)
		}
		time.Sleep(time.Hour)
		w.expectForget(1, 0)
		w.expectForgot(1)
	})
}

// The token is not kept for ever.
func TestForget_GivesUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.removed(billingtest.Token)
		w.Provider.SetFault(billingtest.ConnectionRefused)
		time.Sleep(29 * 24 * time.Hour)
		w.expectForget(0, 1)
		time.Sleep(24 * time.Hour)
		w.expectForget(1, 0)
		w.expectForget(0, 0)
		w.expectForgot(0)
	})
}

func TestForget_NoAdapter(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.removed(billingtest.Token)
		f := w.Forgetter(w.Store, w.Provider)
		clear(f.Forgetters)
		if got, err := f.Forget(w.T.Context(), 10, 2); err != nil || got != (payments.Forgotten{Failed: 1}) {
			w.T.Errorf("Forget = %+v, %v; want one failure", got, err)
		}
		down := errors.New("the database is down")
		_, err := w.Forgetter(brokenStore{w.Store, down}, w.Provider).Forget(w.T.Context(), 10, 2)
		billingtest.ExpectError(w.T, err, down)
	})
}

// A payment system that cannot forget leaves no token behind in the database.
func TestForget_NotSupported(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		m := w.linked(billingtest.Token)
		methods := w.Methods(w.Store, w.Provider)
		clear(methods.Forgetters)
		billingtest.ExpectError(w.T, methods.Remove(w.T.Context(), billingtest.Viewer, m.ID), nil)
		w.InTx(func(ctx context.Context, tx ports.Repos) error {
			list, err := tx.TokenRemovals.Lease(ctx, billing.LookupInterval{}, 10)
			if len(list) > 0 {
				w.T.Errorf("%d tokens are stored, want none", len(list))
			}
			return err
		})
	})
}
