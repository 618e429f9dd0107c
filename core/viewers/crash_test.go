package viewers_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// untilItLives runs scenario for a process that dies at its first step, at its
// second, and so on, until one has come to its end alive, and expects that it
// took this many steps.
func untilItLives(t *testing.T, steps int, scenario func(t *testing.T, crash *billingtest.Crash)) {
	t.Helper()
	for n := 0; ; n++ {
		crash := billingtest.CrashAfter(n)
		t.Run(fmt.Sprintf("dies at step %d", n+1), func(t *testing.T) { scenario(t, crash) })
		if !crash.Happened() {
			if n != steps {
				t.Errorf("it takes %d steps, want %d: is a step missing here?", n, steps)
			}
			return
		}
	}
}

func TestSubscribe_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	const whole = 8 // before and after: the intent, the charge, its record, the answer
	for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost, billingtest.Decline, billingtest.ConnectionRefused, billingtest.NeedsConfirmation} {
		for _, impatient := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, impatient %t", m, impatient), func(t *testing.T) {
				t.Parallel()
				untilItLives(t, whole, func(t *testing.T, crash *billingtest.Crash) { crashOfSubscribe(t, crash, m, impatient) })
			})
		}
	}
}

// crashOfSubscribe lets a process die, another clean up, and the viewer ask
// again; an impatient viewer asks before that too.
func crashOfSubscribe(t *testing.T, crash *billingtest.Crash, m billingtest.Fault, impatient bool) {
	w := newWorld(t)
	w.Provider.SetFault(m)
	_, _ = w.ProcessOver(crash.Store(w.Store), crash.Provider(w.Provider)).subscribeKeyed(t.Context(), w.newRequest())
	w.Provider.SetFault(billingtest.NoFault)
	if impatient {
		_, _ = w.Process().subscribeKeyed(t.Context(), w.newRequest())
	}
	w.confirmAll()
	w.settleAll()
	w.expectClean()

	first, err := w.Process().subscribeKeyed(t.Context(), w.newRequest())
	if err != nil {
		t.Errorf("asked again: %v", err)
	}
	second, err := w.Process().subscribeKeyed(t.Context(), w.newRequest())
	if err != nil || first.Status != second.Status || string(first.Body) != string(second.Body) {
		t.Errorf("asked once more: %d %s, %v, want %d %s", second.Status, second.Body, err, first.Status, first.Body)
	}
	w.settleAll()
	w.expectClean()
	if paid := len(w.Provider.Entries()) == 1; first.Status != 202 && paid != (first.Status == 200) {
		t.Errorf("paid %t, but the answer is %d %s", paid, first.Status, first.Body)
	}
}

// confirmAll confirms, as viewers do, what waits for them.
func (w world) confirmAll() { w.Provider.ConfirmAll() }

// settleAll sweeps in new processes, at once and when nobody may send any more.
func (w world) settleAll() {
	w.T.Helper()
	for range 2 {
		if _, err := w.Process().Sweep(w.T.Context(), 100); err != nil {
			w.T.Errorf("sweep: %v", err)
		}
		w.Clock.Advance(billingtest.PastSendWindow)
	}
	w.ExpectSweep(0, 0)
}

// expectClean expects that what the viewer has is paid for, once, and that what
// is not paid for has ended.
func (w world) expectClean() {
	w.T.Helper()
	w.ExpectReconciled()
	if n := len(w.Provider.Entries()); n > 1 {
		w.T.Errorf("charged %d times", n)
	}
	for _, s := range w.Subscriptions() {
		active := s.Status == billing.StatusActive && s.Latest.Status == billing.PaymentSucceeded
		ended := s.Status == billing.StatusEnded &&
			(s.Latest.Status == billing.PaymentDeclined || s.Latest.Status == billing.PaymentAbandoned)
		if !active && !ended {
			w.T.Errorf("subscription %s is %s with its payment %s", s.ID, s.Status, s.Latest.Status)
		}
	}
	for _, p := range w.Payments() {
		if !p.Settled() || p.Contradiction != "" {
			w.T.Errorf("payment %s is %s, %q", p.ID, p.Status, p.Contradiction)
		}
	}
}

func TestCancel_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	untilItLives(t, 4, func(t *testing.T, crash *billingtest.Crash) {
		w := newWorld(t)
		w.MustSubscribe()
		_, _ = w.ProcessOver(crash.Store(w.Store), crash.Provider(w.Provider)).cancelKeyed(t.Context(), w.newRequest())
		w.expectRepeats(process.cancelKeyed)
		if s := w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded); !s.CancelAtPeriodEnd {
			t.Error("it is not cancelled")
		}
		w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested)
	})
}

func TestResume_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	untilItLives(t, 4, func(t *testing.T, crash *billingtest.Crash) {
		w := newWorld(t)
		w.MustSubscribe()
		if _, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd}); err != nil {
			t.Fatal(err)
		}
		_, _ = w.ProcessOver(crash.Store(w.Store), crash.Provider(w.Provider)).resumeKeyed(t.Context(), w.newRequest())
		w.expectRepeats(process.resumeKeyed)
		if s := w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded); s.CancelAtPeriodEnd {
			t.Error("it is still cancelled")
		}
		w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventCancelRevoked)
	})
}

// expectRepeats asks again, with the same key, in new processes, and expects
// one answer and not a kopeck more.
func (w world) expectRepeats(ask func(process, context.Context, ports.KeyedRequest) (ports.Response, error)) {
	w.T.Helper()
	var first ports.Response
	for i := range 3 {
		got, err := ask(w.Process(), w.T.Context(), w.newRequest())
		if i == 0 {
			first = got
		}
		if err != nil || got.Status != 200 || string(got.Body) != string(first.Body) {
			w.T.Errorf("asked again: %d %s, %v, want %s", got.Status, got.Body, err, first.Body)
		}
	}
	w.settleAll()
	w.expectClean()
	if n := len(w.Provider.Requests()); n != 1 {
		w.T.Errorf("the payment system was asked %d times, want once, for the first period", n)
	}
}
