package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func TestRemoveCard(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	c := w.add(visa())
	w.mustSubscribe(c)
	billingtest.ExpectError(t, w.cards().Remove(t.Context(), otherViewer, c.ID), billing.ErrCardNotFound)
	billingtest.ExpectError(t, w.cards().Remove(t.Context(), billingtest.Viewer, "id-nothing"), billing.ErrCardNotFound)
	for range 2 {
		if err := w.remove(c); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := w.cards().List(t.Context(), billingtest.Viewer, ports.Page{Limit: 10}); err != nil || len(list) > 0 {
		t.Errorf("List = %v, %v, want none", list, err)
	}
	method := w.Subscriptions()[0].MethodID
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		kept, err := tx.Cards.Find(ctx, billingtest.Viewer, c.ID)
		if kept.Number.Ciphertext != nil || kept.Fingerprint != (billing.Fingerprint{}) || kept.Holder != "" {
			t.Errorf("the removed card still has %+v", kept)
		}
		m, err2 := tx.Methods.Find(ctx, billingtest.Viewer, method)
		if m.RemovedAt.IsZero() || !m.Token.IsZero() {
			t.Errorf("the payment method is still %+v", m)
		}
		return errors.Join(err, err2)
	})

	// The paid period runs to its end, and is not renewed.
	w.expectStopped(billing.MethodRemoved)
	w.Clock.Advance(billingtest.Month)
	if sum := w.renew(); sum.Due != 0 || sum.Ended != 1 {
		t.Errorf("the summary is %+v", sum)
	}
	w.ExpectHistory(billing.EventCardAdded, billing.EventSubscribed, billing.EventCardRemoved, billing.EventCancelRequested, billing.EventEnded)
	w.ExpectCharges(1)

	again := w.add(visa())
	if again.ID == c.ID {
		t.Error("the card got the id of the removed one")
	}
	w.mustSubscribe(again)
}

// expectStopped expects that the viewer's newest subscription is cancelled at the end of
// its period, with a reason, and cannot be resumed.
func (w *wallet) expectStopped(reason billing.DeclineCode) {
	w.T.Helper()
	if s := w.Subscriptions()[0]; s.Status != billing.StatusActive || !s.CancelAtPeriodEnd {
		w.T.Errorf("the subscription is %s, cancelled at the period's end: %t, want active, true", s.Status, s.CancelAtPeriodEnd)
	}
	_, err := w.process().Resume(w.T.Context(), viewers.Resume{User: billingtest.Viewer, Ref: "basic"})
	billingtest.ExpectError(w.T, err, billing.ErrInvalidTransition)
	events, err := w.Queries().History(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 1})
	if err != nil || len(events) != 1 || events[0].Type != billing.EventCancelRequested || events[0].DeclineCode != reason {
		w.T.Errorf("the newest event is %+v, %v, want a cancel because of %s", events, err, reason)
	}
}

func TestRemoveCard_EndsPastDueSubscription(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	c := w.add(visa())
	w.mustSubscribe(c)
	w.Clock.Advance(billingtest.Month)
	w.Provider.SetFault(billingtest.Decline)
	w.renew()
	if s := w.Subscriptions()[0]; s.Status != billing.StatusPastDue {
		t.Fatalf("the subscription is %s, want past due", s.Status)
	}
	if err := w.remove(c); err != nil {
		t.Fatal(err)
	}
	if s := w.Subscriptions()[0]; s.Status != billing.StatusEnded || !s.NextChargeAt.IsZero() {
		t.Errorf("the subscription is %s and charged at %s, want it ended", s.Status, s.NextChargeAt)
	}
	if e, err := w.Queries().Entitlements(t.Context(), billingtest.Viewer); err != nil || !e.Until.IsZero() {
		t.Errorf("the viewer has access until %s, %v, want none", e.Until, err)
	}
	w.ExpectHistory(billing.EventCardAdded, billing.EventSubscribed, billing.EventPaymentDeclined,
		billing.EventCardRemoved, billing.EventCancelRequested, billing.EventEnded)
}

// A removal leaves the subscriptions of other cards and tokens alone.
func TestRemoveCard_CancelsOnlyItsSubscriptions(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.AddPlan("other")
	c := w.add(visa())
	w.mustSubscribe(c)
	cmd := billingtest.SubscribeBasic()
	cmd.Plan = "other"
	if _, err := w.process().Subscribe(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	if err := w.remove(c); err != nil {
		t.Fatal(err)
	}
	for _, s := range w.Subscriptions() {
		if s.CancelAtPeriodEnd != (s.PlanCode == "basic") {
			t.Errorf("the subscription to %s is cancelled: %t", s.PlanCode, s.CancelAtPeriodEnd)
		}
	}
}

// A viewer subscribes with the card after the removal has looked for subscriptions.
func TestRemoveCard_CancelsConcurrentSubscribe(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	c := w.add(visa())
	removing := w.cards()
	removing.Store = hookedStore{w.Store, &hook{n: 1, f: func() { w.mustSubscribe(c) }}}
	if err := removing.Remove(t.Context(), billingtest.Viewer, c.ID); err != nil {
		t.Fatal(err)
	}
	w.ExpectHistory(billing.EventCardAdded, billing.EventSubscribed, billing.EventCardRemoved, billing.EventCancelRequested)
	w.expectStopped(billing.MethodRemoved)
}

// A viewer's own token is removed with the card if the card has the same token.
func TestRemoveCard_RemovesItsTokens(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.AddPlan("other")
	c := w.add(visa())
	w.mustSubscribe(c)
	cmd := billingtest.SubscribeBasic()
	cmd.Plan, cmd.Token = "other", billing.NewSecret("tok_for_"+string(w.Payments()[0].ID))
	if _, err := w.process().Subscribe(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	if err := w.remove(c); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(billingtest.Month)
	if sum := w.renew(); sum.Due != 0 || sum.Ended != 2 {
		t.Errorf("the summary is %+v", sum)
	}
	w.ExpectCharges(2)
}

// During a charge Remove returns ErrUnavailable. It succeeds after the charge is
// settled or its send window is over.
func TestRemove_DuringCharge(t *testing.T) {
	t.Parallel()
	for name, settles := range map[string]bool{"charge settled": true, "send window over": false} {
		withEachMeans(t, name, func(t *testing.T, w *wallet, m means) {
			charged, respond := make(chan struct{}), make(chan struct{})
			w.Provider.OnCharge = func() { close(charged); <-respond }
			done := make(chan error, 1)
			go func() { done <- w.pay(m) }()
			<-charged

			billingtest.ExpectError(t, m.remove(), billing.ErrUnavailable)
			w.ExpectHistory(m.added, m.removed, billing.EventCancelRequested)
			if settles {
				close(respond)
				if err := <-done; err != nil {
					t.Error(err)
				}
			} else {
				defer func() {
					if err := <-done; err != nil { // the outcome comes too late
						t.Logf("Subscribe: %v", err)
					}
				}()
				defer close(respond)
				w.Clock.Advance(billingtest.PastSendWindow)
			}
			if err := m.remove(); err != nil {
				t.Errorf("Remove after the charge: %v", err)
			}
			for range 3 {
				w.Clock.Advance(billingtest.Month)
				w.renew()
			}
			if n := len(w.Provider.Requests()); n != 1 {
				t.Errorf("%d charges were sent, want one", n)
			}
		})
	}
}

// While the viewer can confirm a payment, Remove returns ErrUnavailable, also
// after the send window of the payment. No other payment by a removed card is accepted.
func TestRemove_WhileViewerCanConfirm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply   func(*wallet)
		charges int
	}{
		"confirmed": {func(w *wallet) { w.Provider.ConfirmAll() }, 1},
		"declined":  {func(w *wallet) { w.Provider.DeclineAll() }, 0},
	} {
		withEachMeans(t, name, func(t *testing.T, w *wallet, m means) {
			w.wait = time.Second
			w.Provider.SetFault(billingtest.NeedsConfirmation)
			w.mustPay(m)
			for range 3 {
				billingtest.ExpectError(t, m.remove(), billing.ErrUnavailable)
				w.Clock.Advance(billingtest.PastSendWindow)
				w.sweep()
			}
			if m.refused != nil {
				w.AddPlan("other")
				again := m.command()
				again.Plan = "other"
				_, err := w.process().Subscribe(t.Context(), again)
				billingtest.ExpectError(t, err, m.refused)
			}
			c.reply(w)
			billingtest.ExpectError(t, m.remove(), billing.ErrUnavailable)
			w.Clock.Advance(billingtest.PastSendWindow)
			w.sweep()
			billingtest.ExpectError(t, m.remove(), nil)
			w.ExpectCharges(c.charges)
			w.expectNoMoreCharges(1)
		})
	}
}

// Where the payment system can cancel, a removal ends the wait for the viewer. Only a lookup
// decides whether the viewer was faster.
func TestRemove_CancelsOpenPayment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   billingtest.Fault
		paid    bool // by the viewer, at the moment of the cancel
		held    bool // the removal is not confirmed
		charges int
	}{
		"cancelled":               {fault: billingtest.NoFault},
		"response lost":           {fault: billingtest.ResponseLost},
		"paid meanwhile":          {fault: billingtest.NoFault, paid: true, charges: 1},
		"paid, and response lost": {fault: billingtest.ResponseLost, paid: true, charges: 1},
		"cancel lost":             {fault: billingtest.RequestLost, held: true, charges: 1},
		"cancel refused":          {fault: billingtest.ConnectionRefused, held: true, charges: 1},
	} {
		withEachMeans(t, name, func(t *testing.T, w *wallet, m means) {
			w.cancels = true
			w.Provider.SetFault(billingtest.NeedsConfirmation)
			w.mustPay(m)
			w.Provider.SetCancelFault(c.fault)
			if c.paid {
				w.Provider.OnCancel = w.Provider.ConfirmAll
			}
			want := error(nil)
			if c.held {
				want = billing.ErrUnavailable
			}
			billingtest.ExpectError(t, m.remove(), want)
			w.Provider.ConfirmAll() // too late, unless the payment is still open
			w.Clock.Advance(billingtest.PastSendWindow)
			w.sweep()
			billingtest.ExpectError(t, m.remove(), nil)
			if p := w.Payments()[0]; !p.Settled() || (p.Status == billing.PaymentSucceeded) != (c.charges > 0) {
				t.Errorf("the payment is %s, with %d charges", p.Status, c.charges)
			}
			w.ExpectCharges(c.charges)
			w.ExpectReconciled()
			w.expectNoMoreCharges(1)
		})
	}
}

// The outcome of the cancel cannot be stored. The removal waits for the next sweep.
func TestRemove_CancelNotRecorded(t *testing.T) {
	t.Parallel()
	withEachMeans(t, "", func(t *testing.T, w *wallet, m means) {
		w.cancels = true
		w.Provider.SetFault(billingtest.NeedsConfirmation)
		w.mustPay(m)
		w.recording = brokenStore{w.Store}
		billingtest.ExpectError(t, m.remove(), billing.ErrUnavailable)
		w.recording = nil
		billingtest.ExpectError(t, m.remove(), nil)
		w.Provider.ConfirmAll()
		w.ExpectCharges(0)
	})
}

// brokenStore fails every transaction, although the database is up.
type brokenStore struct{ ports.Store }

func (brokenStore) InTx(context.Context, func(ports.Repos) error) error {
	return errors.New("the disk is full")
}

// A page of a past due period is cancelled with the method that pays on it.
func TestRemove_CancelsOpenPaymentOfEndedSubscription(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.cancels = true
	c := w.add(visa())
	w.mustSubscribe(c)
	w.Clock.Advance(billingtest.Month)
	w.Provider.SetFault(billingtest.Decline)
	w.renew()
	w.Provider.SetFault(billingtest.NeedsConfirmation)
	if _, err := w.process().Pay(t.Context(), payBy(viewers.Source{Card: c.ID, CVV: billing.NewCVV("737")})); err != nil {
		t.Fatal(err)
	}
	billingtest.ExpectError(t, w.remove(c), nil)
	w.Provider.ConfirmAll()
	w.ExpectCharges(1)
	if s, p := w.Subscriptions()[0], w.Payments()[0]; s.Status != billing.StatusEnded || p.DeclineCode != billing.ActionExpired {
		t.Errorf("the subscription is %s, the payment %s: %s", s.Status, p.Status, p.DeclineCode)
	}
}

// The outcome of a payment is unknown when its send window ends, so Remove succeeds. When
// a sweep finds out that the viewer should confirm the payment, the viewer is not asked.
func TestRemove_NoConfirmationAfterSuccess(t *testing.T) {
	t.Parallel()
	withEachMeans(t, "", func(t *testing.T, w *wallet, m means) {
		w.Provider.SetFault(billingtest.NeedsConfirmation)
		p := w.process()
		p.Collector.RecordTimeout = time.Nanosecond // the outcome is never recorded
		_, _ = p.Subscribe(t.Context(), m.command())
		w.Clock.Advance(billingtest.PastSendWindow)
		billingtest.ExpectError(t, m.remove(), nil)
		for range 2 {
			w.sweep()
			if pay := w.Payments()[0]; pay.Settled() || pay.ActionURL != "" {
				t.Errorf("the payment is %s, with the action %q, want it pending without one", pay.Status, pay.ActionURL)
			}
			w.Clock.Advance(billingtest.PastSendWindow)
		}
		w.Provider.DeclineAll() // the payment system's time for the confirmation is over
		w.sweep()
		w.ExpectCharges(0)
		w.ExpectHistory(m.added, m.removed, billing.EventCancelRequested, billing.EventPaymentDeclined)
	})
}

func (w *wallet) sweep() {
	w.T.Helper()
	if _, err := w.process().Sweep(context.WithoutCancel(w.T.Context()), 10, 16); err != nil {
		w.T.Errorf("sweep: %v", err)
	}
}

// The next process finishes a removal that crashed.
func TestRemove_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for name, newMeans := range allMeans {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atEveryStep(t, 4, func(t *testing.T, crash *billingtest.Crash) { // before and after: the removal, the check for running charges
				w := newWallet(t)
				m := newMeans(w)
				w.mustPay(m)
				_ = m.removeOver(crash.Store(w.Store))
				if err := m.remove(); err != nil {
					t.Fatal(err)
				}
				w.ExpectHistory(m.added, billing.EventSubscribed, m.removed, billing.EventCancelRequested)
				w.expectNoMoreCharges(1)
			})
		})
	}
}

// A repeated request after a crash adds the same card.
func TestAddCard_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	atEveryStep(t, 2, func(t *testing.T, crash *billingtest.Crash) {
		w := newWallet(t)
		crashing := w.cards()
		crashing.Store = crash.Store(w.Store)
		r := w.newRequest()
		_, _, _ = crashing.Add(t.Context(), viewers.AddCard{User: billingtest.Viewer, Card: visa(), Request: &r})
		repeated := w.newRequest()
		if response, work, err := w.process().Replay(t.Context(), repeated); response != nil || work != nil || err != nil {
			t.Fatalf("Replay = %v, %v, %v, want nothing", response, work, err)
		}
		if _, _, err := w.cards().Add(t.Context(), viewers.AddCard{User: billingtest.Viewer, Card: visa(), Request: &repeated}); err != nil {
			t.Error(err)
		}
		w.ExpectHistory(billing.EventCardAdded)
	})
}

// Remove waits until the send window of a running charge is over.
func TestRemove_WaitsForSendWindow(t *testing.T) {
	t.Parallel()
	withEachMeans(t, "", func(t *testing.T, w *wallet, m means) {
		w.wait = billingtest.PastSendWindow // waiting advances the clock
		w.Provider.SetFault(billingtest.HangsBeforeCharge)
		p := w.process()
		p.Collector.RecordTimeout = time.Nanosecond // the outcome is never recorded
		p.Collector.ChargeTimeout = time.Millisecond
		_, _ = p.Subscribe(t.Context(), m.command())
		if n := len(w.Payments()); n != 1 {
			t.Fatalf("%d payments, want one", n)
		}
		if err := m.remove(); err != nil {
			t.Errorf("Remove: %v", err)
		}
	})
}

func TestRemove_ContextEnds(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	c, linked := w.add(visa()), w.link(billingtest.Token)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	billingtest.ExpectError(t, w.cards().Remove(ctx, billingtest.Viewer, c.ID), context.Canceled)
	billingtest.ExpectError(t, w.methods().Remove(ctx, billingtest.Viewer, linked.ID), context.Canceled)
}

// hook calls f when a process reaches its n-th point. A point is right before or
// right after a transaction or a charge, or right before a lookup.
type hook struct {
	passed atomic.Int64
	n      int64
	once   sync.Once
	f      func()
}

func (h *hook) pass() {
	if h.passed.Add(1) == h.n {
		h.once.Do(h.f)
	}
}

func (h *hook) reached() bool { return h.passed.Load() >= h.n }

type hookedStore struct {
	ports.Store
	hook *hook
}

func (s hookedStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	s.hook.pass()
	err := s.Store.InTx(ctx, f)
	s.hook.pass()
	return err
}

type hookedProvider struct {
	ports.Provider
	hook *hook
}

func (p hookedProvider) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	p.hook.pass()
	o, err := p.Provider.Charge(ctx, r)
	p.hook.pass()
	return o, err
}

func (p hookedProvider) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	p.hook.pass()
	return p.Provider.Find(ctx, q)
}

// scenario charges the viewer's means of payment in run.
type scenario struct {
	prepare func(*wallet, means)
	run     func(*wallet, process, means)
}

var scenarios = map[string]scenario{
	"subscribe": {
		prepare: func(*wallet, means) {},
		run: func(w *wallet, p process, m means) {
			_, _ = p.Subscribe(context.WithoutCancel(w.T.Context()), m.command())
		},
	},
	"renewal run": {
		prepare: func(w *wallet, m means) {
			w.mustPay(m)
			w.Clock.Advance(billingtest.Month)
		},
		run: func(w *wallet, p process, _ means) {
			_, _ = w.run(p)
		},
	},
	"sweep that resends": {
		prepare: func(w *wallet, m means) {
			w.mustPay(m)
			w.Clock.Advance(billingtest.Month)
			w.Provider.SetFault(billingtest.RequestLost)
			w.renew()
			w.Provider.SetFault(billingtest.NoFault)
			w.Clock.Advance(billingtest.PastSendWindow)
		},
		run: func(w *wallet, p process, _ means) {
			_, _ = p.Sweep(context.WithoutCancel(w.T.Context()), 10, 16)
		},
	},
}

// Another process removes the card or method at every point of a scenario that charges
// it. After Remove has succeeded, no process may charge it again. Remove must succeed
// after the scenario has finished.
func TestRemove_NoChargeAfterSuccess(t *testing.T) {
	t.Parallel()
	for name, s := range scenarios {
		for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost, billingtest.Decline, billingtest.ConnectionRefused} {
			for means, newMeans := range allMeans {
				t.Run(name+", "+string(m)+", "+means, func(t *testing.T) {
					t.Parallel()
					for n := int64(1); ; n++ {
						reached := false
						t.Run(fmt.Sprintf("at point %d", n), func(t *testing.T) { reached = removeAt(t, s, newMeans, m, n) })
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
}

func removeAt(t *testing.T, s scenario, newMeans func(*wallet) means, m billingtest.Fault, n int64) bool {
	w := newWallet(t)
	paid := newMeans(w)
	s.prepare(w, paid)
	isNew := len(w.Subscriptions()) == 0
	w.Provider.SetFault(m)
	sent := -1
	var err error
	h := &hook{n: n, f: func() {
		err = paid.remove()
		if err == nil {
			sent = len(w.Provider.Requests())
		}
	}}
	s.run(w, w.processWith(hookedStore{w.Store, h}, hookedProvider{w.Provider, h}), paid)
	if !h.reached() {
		return false
	}
	if isNew && n == 1 && paid.refused == nil {
		return true // the viewer subscribed after the removal, which makes another payment method
	}
	if err != nil {
		billingtest.ExpectError(t, err, billing.ErrUnavailable)
		w.Clock.Advance(billingtest.PastSendWindow)
		if err := paid.remove(); err != nil {
			t.Fatalf("second removal: %v", err)
		}
		sent = len(w.Provider.Requests())
	}
	w.expectNoMoreCharges(sent)
	return true
}

// expectNoMoreCharges runs a year of sweeps and renewals. It expects no charge beyond
// the given number.
func (w *wallet) expectNoMoreCharges(sent int) {
	w.T.Helper()
	w.Provider.SetFault(billingtest.NoFault)
	for range 6 {
		if _, err := w.process().Sweep(w.T.Context(), 10, 16); err != nil {
			w.T.Errorf("sweep: %v", err)
		}
		w.renew()
		w.Clock.Advance(billingtest.PastSendWindow)
		w.renew()
		w.Clock.Advance(2 * billingtest.Month)
	}
	if got := len(w.Provider.Requests()); got != sent {
		w.T.Errorf("%d charges were sent, %d of them after the last response", got, got-sent)
	}
	for _, p := range w.Payments() {
		if !p.Settled() {
			w.T.Errorf("payment %s is still pending", p.ID)
		}
	}
	w.ExpectReconciled()
}

// The process that charges the viewer crashes at each of its steps. Then the card or
// method is removed.
func TestRemove_AfterEveryCrash(t *testing.T) {
	t.Parallel()
	for name, s := range scenarios {
		for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost} {
			for means, newMeans := range allMeans {
				t.Run(name+", "+string(m)+", "+means, func(t *testing.T) {
					t.Parallel()
					for n := 0; ; n++ {
						crash := billingtest.CrashAfter(n)
						t.Run(fmt.Sprintf("crash at step %d", n+1), func(t *testing.T) {
							w := newWallet(t)
							w.wait = billingtest.PastSendWindow
							paid := newMeans(w)
							s.prepare(w, paid)
							w.Provider.SetFault(m)
							s.run(w, w.processWith(crash.Store(w.Store), crash.Provider(w.Provider)), paid)
							if err := paid.remove(); err != nil {
								t.Fatalf("remove: %v", err)
							}
							w.expectNoMoreCharges(len(w.Provider.Requests()))
						})
						if !crash.Happened() {
							return
						}
					}
				})
			}
		}
	}
}
