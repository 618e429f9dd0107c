package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// Another process cancels at every point of a scenario that charges a renewal. After
// Cancel has succeeded, no process may send a charge. Cancel must succeed after the
// scenario has finished.
func TestCancel_NoChargeAfterResponse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"renewal run", "sweep that resends"} {
		for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost, billingtest.Decline, billingtest.ConnectionRefused} {
			t.Run(name+", "+string(m), func(t *testing.T) {
				t.Parallel()
				for n := int64(1); ; n++ {
					reached := false
					t.Run(fmt.Sprintf("at point %d", n), func(t *testing.T) { reached = cancelAt(t, scenarios[name], m, n) })
					if !reached {
						if n < 5 {
							t.Errorf("the scenario has %d points, want at least 4", n-1)
						}
						return
					}
				}
			})
		}
	}
}

// cancelAt cancels at the n-th point of a scenario. It returns false if the scenario has
// fewer points.
func cancelAt(t *testing.T, s scenario, m billingtest.Fault, n int64) bool {
	w := newWallet(t)
	card := allMeans["card"](w)
	s.prepare(w, card)
	w.Provider.SetFault(m)
	sent := -1
	var err error
	h := &hook{n: n, f: func() {
		err = w.cancelWithin(0)
		sent = len(w.Provider.Requests())
	}}
	s.run(w, w.processWith(hookedStore{w.Store, h}, hookedProvider{w.Provider, h}), card)
	if !h.reached() {
		return false
	}
	if err != nil {
		billingtest.ExpectError(t, err, billing.ErrUnavailable)
		w.Clock.Advance(billingtest.PastSendWindow)
		if err := w.cancelWithin(0); err != nil && !errors.Is(err, billing.ErrInvalidTransition) { // it may have ended
			t.Fatalf("second cancel: %v", err)
		}
		sent = len(w.Provider.Requests())
	}
	w.expectNoMoreCharges(sent)
	return true
}

// cancelWithin cancels in a new process, which waits for a renewal at most for limit.
func (w world) cancelWithin(limit time.Duration) error {
	p := w.Process()
	p.Subscriber.Wait = limit
	_, err := p.Cancel(context.WithoutCancel(w.T.Context()), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd})
	return err
}

// claimRenewal stores a renewal of the viewer's subscription that may be sent, as a run
// does. It returns a function that sends it and records the outcome.
func (w world) claimRenewal() (settle func()) {
	w.T.Helper()
	w.MustSubscribe()
	w.Clock.Advance(billingtest.Month)
	p := w.Process()
	var pay billing.Payment
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		due, err := tx.Due.LockDue(ctx, ports.DueQuery{Now: w.Clock.Now(), Systems: []string{billingtest.System}, Limit: 1})
		if err != nil || len(due) != 1 {
			return fmt.Errorf("%d subscriptions are due: %w", len(due), err)
		}
		s, payment, _, _ := due[0].Bill(billing.PaymentID(w.NewID()), due[0].Method, billing.Calendar{}, w.Clock.Now())
		pay = payment
		return errors.Join(tx.Payments.Add(ctx, p.SendWindow(), pay), tx.Subscriptions.Save(ctx, s))
	})
	return func() {
		if _, err := p.Collect(context.WithoutCancel(w.T.Context()), attempt(p.Collector, pay), billingtest.Token); err != nil {
			w.T.Error(err)
		}
	}
}

// The response to a cancel is stored after the wait, so that a repetition gets the
// outcome of the renewal as well.
func TestCancel_KeyedDuringRenewal(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault billingtest.Fault
		want  string
	}{
		"charged":  {billingtest.NoFault, "200 active true"},
		"declined": {billingtest.Decline, "402 ended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			settle := w.claimRenewal()
			w.Provider.SetFault(tt.fault)
			p := w.Process()
			p.Subscriber.Pause = func(context.Context, time.Duration) error {
				_, err := w.Process().cancelKeyed(t.Context(), w.newRequest())
				billingtest.ExpectError(t, err, billing.ErrRequestInProgress)
				settle()
				return nil
			}
			got, err := p.cancelKeyed(t.Context(), w.newRequest())
			for range 2 {
				want := tt.want
				if tt.fault == billingtest.NoFault {
					want = fmt.Sprintf("200 %s active true", w.Subscriptions()[0].ID)
				}
				if text := fmt.Sprintf("%d %s", got.Status, got.Body); err != nil || text != want {
					t.Errorf("cancel: %s, %v, want %s", text, err, want)
				}
				w.Clock.Advance(billingtest.Month)
				got, err = w.Process().cancelKeyed(t.Context(), w.newRequest())
			}
		})
	}
}

// A cancel that has waited in vain can be repeated with its key, and then waits again.
func TestCancel_KeyedWaitIsRepeated(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]func(context.Context, time.Duration) error{
		"limit is over":   func(context.Context, time.Duration) error { return nil },
		"client has left": func(context.Context, time.Duration) error { return context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			settle := w.claimRenewal()
			p := w.Process()
			p.Subscriber.Pause = pause
			r := w.newRequest()
			_, err := p.Cancel(t.Context(), viewers.Cancel{
				User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd, Request: &r, Respond: respondTo,
			})
			billingtest.ExpectError(t, err, billing.ErrUnavailable)
			settle()
			got, err := w.Process().cancelKeyed(t.Context(), w.newRequest())
			if want := fmt.Sprintf("%s active true", w.Subscriptions()[0].ID); err != nil || string(got.Body) != want {
				t.Errorf("repeated cancel: %d %s, %v, want %s", got.Status, got.Body, err, want)
			}
			w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventRenewed)
		})
	}
}

// A process dies while its cancel waits. A repetition gets a response when the renewal
// is settled.
func TestCancel_CrashDuringWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	settle := w.claimRenewal()
	crash := billingtest.CrashAfter(1) // the cancel is committed
	r := w.newRequest()
	_, _ = w.ProcessOver(crash.Store(w.Store), w.Provider).Cancel(t.Context(), viewers.Cancel{
		User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd, Request: &r, Respond: respondTo,
	})
	if s := w.Subscriptions()[0]; !crash.Happened() || !s.CancelAtPeriodEnd {
		t.Fatalf("crashed: %t, cancelled: %t, want both", crash.Happened(), s.CancelAtPeriodEnd)
	}
	_, err := w.Process().cancelKeyed(t.Context(), w.newRequest())
	billingtest.ExpectError(t, err, billing.ErrRequestInProgress)
	settle()
	got, err := w.Process().cancelKeyed(t.Context(), w.newRequest())
	if want := fmt.Sprintf("%s active true", w.Subscriptions()[0].ID); err != nil || string(got.Body) != want {
		t.Errorf("repeated cancel: %d %s, %v, want %s", got.Status, got.Body, err, want)
	}
}
