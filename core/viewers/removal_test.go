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
	w.subscribedBy(c)
	billingtest.ExpectError(t, w.cards().Remove(t.Context(), stranger, c.ID), billing.ErrCardNotFound)
	billingtest.ExpectError(t, w.cards().Remove(t.Context(), billingtest.Viewer, "id-nothing"), billing.ErrCardNotFound)
	for range 2 {
		if err := w.remove(c); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := w.cards().List(t.Context(), billingtest.Viewer, ports.Page{Limit: 10}); err != nil || len(list) > 0 {
		t.Errorf("listed: %v, %v", list, err)
	}
	method := w.Subscriptions()[0].MethodID
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		kept, err := tx.Cards.Find(ctx, billingtest.Viewer, c.ID)
		if kept.Number.Ciphertext != nil || kept.Fingerprint != (billing.Fingerprint{}) || kept.Holder != "" {
			t.Errorf("left of the card: %+v", kept)
		}
		m, err2 := tx.Methods.Find(ctx, billingtest.Viewer, method)
		if m.RemovedAt.IsZero() || !m.Token.IsZero() {
			t.Errorf("left of the method: %+v", m)
		}
		return errors.Join(err, err2)
	})

	// What is paid runs to its end; there is no renewal.
	if s := w.Subscriptions()[0]; s.Status != billing.StatusActive {
		t.Errorf("the subscription is %s", s.Status)
	}
	w.Clock.Advance(billingtest.Month)
	if sum := w.renew(); sum.Due != 0 || sum.Ended != 1 {
		t.Errorf("the renewal run: %+v", sum)
	}
	w.ExpectHistory(billing.EventCardAdded, billing.EventSubscribed, billing.EventCardRemoved, billing.EventEnded)
	w.ExpectCharges(1)

	again := w.add(visa())
	if again.ID == c.ID {
		t.Error("the removed card came back")
	}
	w.subscribedBy(again)
}

// A token that a viewer gave beside the card goes with the card when it is the
// card's.
func TestRemoveCard_RemovesItsTokens(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.AddPlan("other")
	c := w.add(visa())
	w.subscribedBy(c)
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
		t.Errorf("the renewal run: %+v", sum)
	}
	w.ExpectCharges(2)
}

// While a charge is under way the removal does not answer that it is done; it
// does when the charge is settled, or can no longer be sent.
func TestRemoveCard_DuringCharge(t *testing.T) {
	t.Parallel()
	for name, settles := range map[string]bool{"settled meanwhile": true, "never heard of again": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWallet(t)
			c := w.add(visa())
			taken, answer := make(chan struct{}), make(chan struct{})
			w.Provider.OnCharge = func() { close(taken); <-answer }
			done := make(chan error, 1)
			go func() { done <- w.subscribe(c) }()
			<-taken

			billingtest.ExpectError(t, w.remove(c), billing.ErrUnavailable)
			w.ExpectHistory(billing.EventCardAdded, billing.EventCardRemoved)
			if settles {
				close(answer)
				if err := <-done; err != nil {
					t.Error(err)
				}
			} else {
				defer func() {
					if err := <-done; err != nil { // it is told that it is too late
						t.Logf("the request: %v", err)
					}
				}()
				defer close(answer)
				w.Clock.Advance(billingtest.PastSendWindow)
			}
			if err := w.remove(c); err != nil {
				t.Errorf("afterwards: %v", err)
			}
			for range 3 {
				w.Clock.Advance(billingtest.Month)
				w.renew()
			}
			if n := len(w.Provider.Requests()); n != 1 {
				t.Errorf("asked %d times, want once", n)
			}
		})
	}
}

// Whoever removes a card may die; the next one goes on.
func TestRemoveCard_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	untilItLives(t, 4, func(t *testing.T, crash *billingtest.Crash) { // before and after: the removal, the look at what is sent
		w := newWallet(t)
		c := w.add(visa())
		w.subscribedBy(c)
		dying := w.cards()
		dying.Store = crash.Store(w.Store)
		_ = dying.Remove(t.Context(), billingtest.Viewer, c.ID)
		if err := w.remove(c); err != nil {
			t.Fatal(err)
		}
		w.ExpectHistory(billing.EventCardAdded, billing.EventSubscribed, billing.EventCardRemoved)
		w.neverAgain(1)
	})
}

// So may whoever adds one; the same again is the same card.
func TestAddCard_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	untilItLives(t, 2, func(t *testing.T, crash *billingtest.Crash) {
		w := newWallet(t)
		dying := w.cards()
		dying.Store = crash.Store(w.Store)
		r := w.newRequest()
		_, _, _ = dying.Add(t.Context(), viewers.AddCard{User: billingtest.Viewer, Card: visa(), Request: &r})
		again := w.newRequest()
		if a, work, err := w.process().Replay(t.Context(), again); a != nil || work != nil || err != nil {
			t.Fatalf("asked again: %v, %v, %v", a, work, err)
		}
		if _, _, err := w.cards().Add(t.Context(), viewers.AddCard{User: billingtest.Viewer, Card: visa(), Request: &again}); err != nil {
			t.Error(err)
		}
		w.ExpectHistory(billing.EventCardAdded)
	})
}

// It waits by itself, for as long as it may.
func TestRemoveCard_WaitsForSendWindow(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	w.wait = billingtest.PastSendWindow // the clock goes on while it waits
	c := w.add(visa())
	w.Provider.SetFault(billingtest.HangsBeforeCharge)
	p := w.process()
	p.Collector.RecordTimeout = time.Nanosecond // dies before it can tell
	p.Collector.ChargeTimeout = time.Millisecond
	_, _ = p.Subscribe(t.Context(), by(c))
	if n := len(w.Payments()); n != 1 {
		t.Fatalf("%d payments", n)
	}
	if err := w.remove(c); err != nil {
		t.Errorf("got %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	billingtest.ExpectError(t, w.cards().Remove(ctx, billingtest.Viewer, c.ID), context.Canceled)
}

// points calls at when a process comes to its n-th point: after a transaction,
// and before and after a charge or a look-up.
type points struct {
	passed atomic.Int64
	n      int64
	once   sync.Once
	at     func()
}

func (p *points) pass() {
	if p.passed.Add(1) == p.n {
		p.once.Do(p.at)
	}
}

func (p *points) reached() bool { return p.passed.Load() >= p.n }

type watchedStore struct {
	ports.Store
	points *points
}

func (s watchedStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	s.points.pass()
	err := s.Store.InTx(ctx, f)
	s.points.pass()
	return err
}

type watchedProvider struct {
	ports.Provider
	points *points
}

func (p watchedProvider) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	p.points.pass()
	o, err := p.Provider.Charge(ctx, r)
	p.points.pass()
	return o, err
}

func (p watchedProvider) Find(ctx context.Context, key billing.PaymentID) (billing.Outcome, error) {
	p.points.pass()
	return p.Provider.Find(ctx, key)
}

// scenario is something that charges a card, in a process that is watched.
type scenario struct {
	prepare func(*wallet, billing.Card)
	run     func(*wallet, process, billing.Card)
}

var scenarios = map[string]scenario{
	"subscribe": {
		prepare: func(*wallet, billing.Card) {},
		run: func(w *wallet, p process, c billing.Card) {
			_, _ = p.Subscribe(context.WithoutCancel(w.T.Context()), by(c))
		},
	},
	"renewal run": {
		prepare: func(w *wallet, c billing.Card) {
			w.subscribedBy(c)
			w.Clock.Advance(billingtest.Month)
		},
		run: func(w *wallet, p process, _ billing.Card) {
			_, _ = w.run(p)
		},
	},
	"sweep that sends again": {
		prepare: func(w *wallet, c billing.Card) {
			w.subscribedBy(c)
			w.Clock.Advance(billingtest.Month)
			w.Provider.SetFault(billingtest.RequestLost)
			w.renew()
			w.Provider.SetFault(billingtest.NoFault)
			w.Clock.Advance(billingtest.PastSendWindow)
		},
		run: func(w *wallet, p process, _ billing.Card) {
			_, _ = p.Sweep(context.WithoutCancel(w.T.Context()), 10)
		},
	},
}

// The card is removed at every point of whatever charges it, by another process.
// Once the removal has answered that it is done, nothing is charged any more, by
// nobody, ever; and it is done when the other process is.
func TestRemoveCard_NoChargeAfterSuccess(t *testing.T) {
	t.Parallel()
	for name, s := range scenarios {
		for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost, billingtest.Decline, billingtest.ConnectionRefused} {
			t.Run(name+", "+string(m), func(t *testing.T) {
				t.Parallel()
				for n := int64(1); ; n++ {
					reached := false
					t.Run(fmt.Sprintf("at point %d", n), func(t *testing.T) { reached = removeAt(t, s, m, n) })
					if !reached {
						if n < 5 {
							t.Errorf("only %d points", n-1)
						}
						return
					}
				}
			})
		}
	}
}

func removeAt(t *testing.T, s scenario, m billingtest.Fault, n int64) bool {
	w := newWallet(t)
	c := w.add(visa())
	s.prepare(w, c)
	w.Provider.SetFault(m)
	asked := -1
	var err error
	p := &points{n: n, at: func() {
		err = w.remove(c)
		if err == nil {
			asked = len(w.Provider.Requests())
		}
	}}
	s.run(w, w.processWith(watchedStore{w.Store, p}, watchedProvider{w.Provider, p}), c)
	if !p.reached() {
		return false
	}
	if err != nil {
		billingtest.ExpectError(t, err, billing.ErrUnavailable)
		w.Clock.Advance(billingtest.PastSendWindow)
		if err := w.remove(c); err != nil {
			t.Fatalf("removed again: %v", err)
		}
		asked = len(w.Provider.Requests())
	}
	w.neverAgain(asked)
	return true
}

// neverAgain lets a year of sweeps and renewals pass, and expects that nobody
// asks for money.
func (w *wallet) neverAgain(asked int) {
	w.T.Helper()
	w.Provider.SetFault(billingtest.NoFault)
	for range 6 {
		if _, err := w.process().Sweep(w.T.Context(), 10); err != nil {
			w.T.Errorf("sweep: %v", err)
		}
		w.renew()
		w.Clock.Advance(billingtest.PastSendWindow)
		w.renew()
		w.Clock.Advance(2 * billingtest.Month)
	}
	if got := len(w.Provider.Requests()); got != asked {
		w.T.Errorf("money was asked for %d times, %d of them after the removal had answered", got, got-asked)
	}
	for _, p := range w.Payments() {
		if !p.Settled() {
			w.T.Errorf("payment %s is pending still", p.ID)
		}
	}
	w.ExpectReconciled()
}

// The process that charges the card dies at each of its steps; then the card is
// removed.
func TestRemoveCard_AfterEveryCrash(t *testing.T) {
	t.Parallel()
	for name, s := range scenarios {
		for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost} {
			t.Run(name+", "+string(m), func(t *testing.T) {
				t.Parallel()
				for n := 0; ; n++ {
					crash := billingtest.CrashAfter(n)
					t.Run(fmt.Sprintf("dies at step %d", n+1), func(t *testing.T) {
						w := newWallet(t)
						w.wait = billingtest.PastSendWindow
						c := w.add(visa())
						s.prepare(w, c)
						w.Provider.SetFault(m)
						s.run(w, w.processWith(crash.Store(w.Store), crash.Provider(w.Provider)), c)
						if err := w.remove(c); err != nil {
							t.Fatalf("remove: %v", err)
						}
						w.neverAgain(len(w.Provider.Requests()))
					})
					if !crash.Happened() {
						return
					}
				}
			})
		}
	}
}
