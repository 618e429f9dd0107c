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
func untilItLives(t *testing.T, steps int, scenario func(t *testing.T, l *billingtest.Life)) {
	t.Helper()
	for n := 0; ; n++ {
		l := new(billingtest.Life)
		l.Steps.Store(int64(n))
		t.Run(fmt.Sprintf("dies at step %d", n+1), func(t *testing.T) { scenario(t, l) })
		if !l.Dead() {
			if n != steps {
				t.Errorf("it takes %d steps, want %d: is a step missing here?", n, steps)
			}
			return
		}
	}
}

func TestSubscribeSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	const whole = 8 // before and after: the intent, the charge, its record, the answer
	for _, m := range []billingtest.Mishap{billingtest.Fine, billingtest.LostBefore, billingtest.LostAfter, billingtest.Declines, billingtest.RefusesConn, billingtest.Waits} {
		for _, impatient := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, impatient %t", m, impatient), func(t *testing.T) {
				t.Parallel()
				untilItLives(t, whole, func(t *testing.T, l *billingtest.Life) { crashOfSubscribe(t, l, m, impatient) })
			})
		}
	}
}

// crashOfSubscribe lets a process die, another clean up, and the viewer ask
// again; an impatient viewer asks before that too.
func crashOfSubscribe(t *testing.T, l *billingtest.Life, m billingtest.Mishap, impatient bool) {
	w := newWorld(t)
	w.Psp.Suffers(m)
	_, _ = w.ProcessOver(billingtest.MortalStore{Store: w.Store, Life: l}, billingtest.MortalProvider{Provider: w.Psp, Life: l}).SubscribeKeyed(t.Context(), w.Request())
	w.Psp.Suffers(billingtest.Fine)
	if impatient {
		_, _ = w.Process().SubscribeKeyed(t.Context(), w.Request())
	}
	w.confirmAll()
	w.settleAll()
	w.expectClean()

	first, err := w.Process().SubscribeKeyed(t.Context(), w.Request())
	if err != nil {
		t.Errorf("asked again: %v", err)
	}
	second, err := w.Process().SubscribeKeyed(t.Context(), w.Request())
	if err != nil || first.Status != second.Status || string(first.Body) != string(second.Body) {
		t.Errorf("asked once more: %d %s, %v, want %d %s", second.Status, second.Body, err, first.Status, first.Body)
	}
	w.settleAll()
	w.expectClean()
	if paid := len(w.Psp.Entries()) == 1; first.Status != 202 && paid != (first.Status == 200) {
		t.Errorf("paid %t, but the answer is %d %s", paid, first.Status, first.Body)
	}
}

// confirmAll confirms, as viewers do, what waits for them.
func (w world) confirmAll() {
	w.Psp.Mu.Lock()
	defer w.Psp.Mu.Unlock()
	for key, k := range w.Psp.Known {
		if k.Outcome.Status == billing.PaymentPending {
			k.Outcome = billing.Outcome{Status: billing.PaymentSucceeded, Amount: k.Request.Amount}
			w.Psp.Known[key] = k
			w.Psp.Ledger = append(w.Psp.Ledger, ports.LedgerEntry{Key: key, Amount: k.Request.Amount, At: w.Clock.Now()})
		}
	}
}

// settleAll sweeps in new processes, at once and when nobody may send any more.
func (w world) settleAll() {
	w.T.Helper()
	for range 2 {
		if _, err := w.Process().Sweep(w.T.Context(), 100); err != nil {
			w.T.Errorf("sweep: %v", err)
		}
		w.Clock.Advance(billingtest.SendOver)
	}
	w.Sweep(0, 0)
}

// expectClean expects that what the viewer has is paid for, once, and that what
// is not paid for has ended.
func (w world) expectClean() {
	w.T.Helper()
	w.ExpectAgreement()
	if n := len(w.Psp.Entries()); n > 1 {
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

func TestCancelSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	untilItLives(t, 4, func(t *testing.T, l *billingtest.Life) {
		w := newWorld(t)
		w.Subscribed()
		_, _ = w.ProcessOver(billingtest.MortalStore{Store: w.Store, Life: l}, billingtest.MortalProvider{Provider: w.Psp, Life: l}).CancelKeyed(t.Context(), w.Request())
		w.expectRepeats(billingtest.Process.CancelKeyed)
		if s := w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded); !s.CancelAtPeriodEnd {
			t.Error("it is not cancelled")
		}
		w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested)
	})
}

func TestResumeSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	untilItLives(t, 4, func(t *testing.T, l *billingtest.Life) {
		w := newWorld(t)
		w.Subscribed()
		if _, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd}); err != nil {
			t.Fatal(err)
		}
		_, _ = w.ProcessOver(billingtest.MortalStore{Store: w.Store, Life: l}, billingtest.MortalProvider{Provider: w.Psp, Life: l}).ResumeKeyed(t.Context(), w.Request())
		w.expectRepeats(billingtest.Process.ResumeKeyed)
		if s := w.ExpectOne(billing.StatusActive, billing.PaymentSucceeded); s.CancelAtPeriodEnd {
			t.Error("it is still cancelled")
		}
		w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventCancelRevoked)
	})
}

// expectRepeats asks again, with the same key, in new processes, and expects
// one answer and not a kopeck more.
func (w world) expectRepeats(ask func(billingtest.Process, context.Context, ports.KeyedRequest) (ports.Response, error)) {
	w.T.Helper()
	var first ports.Response
	for i := range 3 {
		got, err := ask(w.Process(), w.T.Context(), w.Request())
		if i == 0 {
			first = got
		}
		if err != nil || got.Status != 200 || string(got.Body) != string(first.Body) {
			w.T.Errorf("asked again: %d %s, %v, want %s", got.Status, got.Body, err, first.Body)
		}
	}
	w.settleAll()
	w.expectClean()
	if n := len(w.Psp.Requests()); n != 1 {
		w.T.Errorf("the payment system was asked %d times, want once, for the first period", n)
	}
}
