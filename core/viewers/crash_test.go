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

// atEveryStep runs scenario with a crash at its first step, its second, and so on,
// until the process finishes. It expects that this takes the given number of steps.
func atEveryStep(t *testing.T, steps int, scenario func(t *testing.T, crash *billingtest.Crash)) {
	t.Helper()
	for n := 0; ; n++ {
		crash := billingtest.CrashAfter(n)
		t.Run(fmt.Sprintf("crash at step %d", n+1), func(t *testing.T) { scenario(t, crash) })
		if !crash.Happened() {
			if n != steps {
				t.Errorf("the scenario takes %d steps, want %d", n, steps)
			}
			return
		}
	}
}

func TestSubscribe_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	const steps = 8 // before and after: the intent, the charge, its record, the response
	for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost, billingtest.Decline, billingtest.ConnectionRefused, billingtest.NeedsConfirmation} {
		for _, impatient := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, impatient %t", m, impatient), func(t *testing.T) {
				t.Parallel()
				atEveryStep(t, steps, func(t *testing.T, crash *billingtest.Crash) { crashOfSubscribe(t, crash, m, impatient) })
			})
		}
	}
}

// crashOfSubscribe crashes a process, cleans up in another one, and repeats the
// request. An impatient viewer repeats it before the cleanup too.
func crashOfSubscribe(t *testing.T, crash *billingtest.Crash, m billingtest.Fault, impatient bool) {
	w := newWorld(t)
	w.Provider.SetFault(m)
	_, _ = w.ProcessOver(crash.Store(w.Store), crash.Provider(w.Provider)).subscribeKeyed(t.Context(), w.newRequest())
	w.Provider.SetFault(billingtest.NoFault)
	if impatient {
		_, _ = w.Process().subscribeKeyed(t.Context(), w.newRequest())
	}
	w.Provider.ConfirmAll()
	w.settleAll()
	w.expectConsistent()

	first, err := w.Process().subscribeKeyed(t.Context(), w.newRequest())
	if err != nil {
		t.Errorf("repeated request: %v", err)
	}
	second, err := w.Process().subscribeKeyed(t.Context(), w.newRequest())
	if err != nil || first.Status != second.Status || string(first.Body) != string(second.Body) {
		t.Errorf("third request: %d %s, %v, want %d %s", second.Status, second.Body, err, first.Status, first.Body)
	}
	w.settleAll()
	w.expectConsistent()
	if paid := len(w.Provider.Entries()) == 1; first.Status != 202 && paid != (first.Status == 200) {
		t.Errorf("paid: %t, but the response is %d %s", paid, first.Status, first.Body)
	}
}

// settleAll sweeps in new processes, during the send window and after it.
func (w world) settleAll() {
	w.T.Helper()
	for range 2 {
		if _, err := w.Process().Sweep(w.T.Context(), 100, 16); err != nil {
			w.T.Errorf("sweep: %v", err)
		}
		w.Clock.Advance(billingtest.PastSendWindow)
	}
	w.ExpectSweep(0, 0)
}

// expectConsistent expects at most one charge. An active subscription must be paid
// for, and every other one must have ended.
func (w world) expectConsistent() {
	w.T.Helper()
	w.ExpectReconciled()
	if n := len(w.Provider.Entries()); n > 1 {
		w.T.Errorf("charged %d times, want at most once", n)
	}
	for _, s := range w.Subscriptions() {
		active := s.Status == billing.StatusActive && s.Latest.Status == billing.PaymentSucceeded
		ended := s.Status == billing.StatusEnded &&
			(s.Latest.Status == billing.PaymentDeclined || s.Latest.Status == billing.PaymentAbandoned)
		if !active && !ended {
			w.T.Errorf("subscription %s is %s, its payment %s", s.ID, s.Status, s.Latest.Status)
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
	atEveryStep(t, 4, func(t *testing.T, crash *billingtest.Crash) {
		w := newWorld(t)
		w.MustSubscribe()
		_, _ = w.ProcessOver(crash.Store(w.Store), crash.Provider(w.Provider)).cancelKeyed(t.Context(), w.newRequest())
		w.expectReplayed(process.cancelKeyed)
		if s := w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded); !s.CancelAtPeriodEnd {
			t.Error("CancelAtPeriodEnd = false, want true")
		}
		w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested)
	})
}

func TestResume_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	atEveryStep(t, 4, func(t *testing.T, crash *billingtest.Crash) {
		w := newWorld(t)
		w.MustSubscribe()
		if _, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd}); err != nil {
			t.Fatal(err)
		}
		_, _ = w.ProcessOver(crash.Store(w.Store), crash.Provider(w.Provider)).resumeKeyed(t.Context(), w.newRequest())
		w.expectReplayed(process.resumeKeyed)
		if s := w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded); s.CancelAtPeriodEnd {
			t.Error("CancelAtPeriodEnd = true, want false")
		}
		w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventCancelRevoked)
	})
}

// expectReplayed repeats the request with the same key in new processes. It expects
// the same response each time and no further charge.
func (w world) expectReplayed(request func(process, context.Context, ports.KeyedRequest) (ports.Response, error)) {
	w.T.Helper()
	var first ports.Response
	for i := range 3 {
		got, err := request(w.Process(), w.T.Context(), w.newRequest())
		if i == 0 {
			first = got
		}
		if err != nil || got.Status != 200 || string(got.Body) != string(first.Body) {
			w.T.Errorf("repeated request: %d %s, %v, want 200 %s", got.Status, got.Body, err, first.Body)
		}
	}
	w.settleAll()
	w.expectConsistent()
	if n := len(w.Provider.Requests()); n != 1 {
		w.T.Errorf("%d charges were sent, want one, for the first period", n)
	}
}
