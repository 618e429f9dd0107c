package app_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

var errDead = errors.New("the process is dead")

// life is how many more steps a process lives.
type life struct{ steps atomic.Int64 }

func (l *life) step() error {
	if l.steps.Add(-1) < 0 {
		return errDead
	}
	return nil
}

func (l *life) dead() bool { return l.steps.Load() < 0 }

// mortalStore dies just before or just after it keeps a transaction.
type mortalStore struct {
	app.Store
	life *life
}

func (s mortalStore) InTx(ctx context.Context, f func(app.Repos) error) error {
	if s.life.dead() {
		return errDead
	}
	err := s.Store.InTx(ctx, func(tx app.Repos) error {
		if err := f(tx); err != nil {
			return err
		}
		return s.life.step()
	})
	if err != nil {
		return err
	}
	return s.life.step()
}

func (s mortalStore) Views() app.Views { return mortalViews{s.Store.Views(), s.life} }

type mortalViews struct {
	app.Views
	life *life
}

func (v mortalViews) Subscription(ctx context.Context, user billing.UserID, ref string) (app.SubscriptionView, error) {
	if v.life.dead() {
		return app.SubscriptionView{}, errDead
	}
	return v.Views.Subscription(ctx, user, ref)
}

// mortalProvider dies just before or just after the money is taken.
type mortalProvider struct {
	app.Provider
	life *life
}

func (p mortalProvider) Charge(ctx context.Context, r app.ChargeRequest) (billing.Outcome, error) {
	if err := p.life.step(); err != nil {
		return billing.Outcome{}, err
	}
	o, err := p.Provider.Charge(ctx, r)
	if dead := p.life.step(); dead != nil {
		return billing.Outcome{}, dead
	}
	return o, err
}

// answer does what the API does with a request that has an Idempotency-Key.
func (p process) answer(ctx context.Context, r app.Request, do func(*app.Request) (app.SubscriptionView, error)) (app.Answer, error) {
	kept, work, err := p.Replay(ctx, r)
	switch {
	case err != nil:
		return app.Answer{}, err
	case kept != nil:
		return *kept, nil
	case work != nil:
		return p.Keep(ctx, work.Claim, answerOf(work.View))
	}
	v, err := do(&r)
	var declined *billing.DeclinedError
	switch {
	case err == nil:
		return p.Keep(ctx, r, answerOf(v))
	case errors.As(err, &declined):
		return p.Keep(ctx, r, app.Answer{Status: 402, Body: []byte("ended")})
	case app.Settling(err) || errors.Is(err, billing.ErrRequestInProgress):
		return app.Answer{}, err
	default:
		return app.Answer{}, errors.Join(err, p.Forget(ctx, r))
	}
}

func answerOf(v app.SubscriptionView) app.Answer {
	body := fmt.Appendf(nil, "%s %s %t", v.ID, v.Status, v.CancelAtPeriodEnd)
	switch v.Latest.Status {
	case billing.PaymentDeclined:
		return app.Answer{Status: 402, Body: []byte("ended")}
	case billing.PaymentPending:
		return app.Answer{Status: 202, Body: body}
	default:
		return app.Answer{Status: 200, Body: body}
	}
}

func (p process) subscribe(ctx context.Context, r app.Request) (app.Answer, error) {
	return p.answer(ctx, r, func(r *app.Request) (app.SubscriptionView, error) {
		cmd := toBasic()
		cmd.Request = r
		return p.Subscribe(ctx, cmd)
	})
}

func (p process) cancel(ctx context.Context, r app.Request) (app.Answer, error) {
	return p.answer(ctx, r, func(r *app.Request) (app.SubscriptionView, error) {
		return p.Cancel(ctx, app.Cancel{User: viewer, Ref: "basic", At: billing.AtPeriodEnd, Request: r})
	})
}

func (p process) resume(ctx context.Context, r app.Request) (app.Answer, error) {
	return p.answer(ctx, r, func(r *app.Request) (app.SubscriptionView, error) {
		return p.Resume(ctx, app.Resume{User: viewer, Ref: "basic", Request: r})
	})
}

// request is a request with the same key as all others that it makes, but an
// owner of its own.
func (w world) request() app.Request {
	return app.Request{User: viewer, Key: "key", Fingerprint: [32]byte{1}, Owner: w.newID()}
}

// untilItLives runs scenario for a process that dies at its first step, at its
// second, and so on, until one has come to its end alive, and expects that it
// took this many steps.
func untilItLives(t *testing.T, steps int, scenario func(t *testing.T, l *life)) {
	t.Helper()
	for n := 0; ; n++ {
		l := new(life)
		l.steps.Store(int64(n))
		t.Run(fmt.Sprintf("dies at step %d", n+1), func(t *testing.T) { scenario(t, l) })
		if !l.dead() {
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
	for _, m := range []mishap{fine, lostBefore, lostAfter, declines, refusesConn, waits} {
		for _, impatient := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, impatient %t", m, impatient), func(t *testing.T) {
				t.Parallel()
				untilItLives(t, whole, func(t *testing.T, l *life) { crashOfSubscribe(t, l, m, impatient) })
			})
		}
	}
}

// crashOfSubscribe lets a process die, another clean up, and the viewer ask
// again; an impatient viewer asks before that too.
func crashOfSubscribe(t *testing.T, l *life, m mishap, impatient bool) {
	w := newWorld(t)
	w.psp.suffers(m)
	_, _ = w.processOver(mortalStore{w.store, l}, mortalProvider{w.psp, l}).subscribe(t.Context(), w.request())
	w.psp.suffers(fine)
	if impatient {
		_, _ = w.process().subscribe(t.Context(), w.request())
	}
	w.confirmAll()
	w.settleAll()
	w.expectClean()

	first, err := w.process().subscribe(t.Context(), w.request())
	if err != nil {
		t.Errorf("asked again: %v", err)
	}
	second, err := w.process().subscribe(t.Context(), w.request())
	if err != nil || first.Status != second.Status || string(first.Body) != string(second.Body) {
		t.Errorf("asked once more: %d %s, %v, want %d %s", second.Status, second.Body, err, first.Status, first.Body)
	}
	w.settleAll()
	w.expectClean()
	if paid := len(w.psp.entries()) == 1; first.Status != 202 && paid != (first.Status == 200) {
		t.Errorf("paid %t, but the answer is %d %s", paid, first.Status, first.Body)
	}
}

// confirmAll confirms, as viewers do, what waits for them.
func (w world) confirmAll() {
	w.psp.mu.Lock()
	defer w.psp.mu.Unlock()
	for key, k := range w.psp.known {
		if k.outcome.Status == billing.PaymentPending {
			k.outcome = billing.Outcome{Status: billing.PaymentSucceeded, Amount: k.request.Amount}
			w.psp.known[key] = k
			w.psp.ledger = append(w.psp.ledger, app.LedgerEntry{Key: key, Amount: k.request.Amount, At: w.clock.Now()})
		}
	}
}

// settleAll sweeps in new processes, at once and when nobody may send any more.
func (w world) settleAll() {
	w.t.Helper()
	for range 2 {
		if _, err := w.process().Sweep(w.t.Context(), 100); err != nil {
			w.t.Errorf("sweep: %v", err)
		}
		w.clock.advance(sendOver)
	}
	w.sweep(0, 0)
}

// expectClean expects that what the viewer has is paid for, once, and that what
// is not paid for has ended.
func (w world) expectClean() {
	w.t.Helper()
	w.expectAgreement()
	if n := len(w.psp.entries()); n > 1 {
		w.t.Errorf("charged %d times", n)
	}
	for _, s := range w.subscriptions() {
		active := s.Status == billing.StatusActive && s.Latest.Status == billing.PaymentSucceeded
		ended := s.Status == billing.StatusEnded &&
			(s.Latest.Status == billing.PaymentDeclined || s.Latest.Status == billing.PaymentAbandoned)
		if !active && !ended {
			w.t.Errorf("subscription %s is %s with its payment %s", s.ID, s.Status, s.Latest.Status)
		}
	}
	for _, p := range w.payments() {
		if !p.Settled() || p.Contradiction != "" {
			w.t.Errorf("payment %s is %s, %q", p.ID, p.Status, p.Contradiction)
		}
	}
}

func TestCancelSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	untilItLives(t, 4, func(t *testing.T, l *life) {
		w := newWorld(t)
		w.subscribed()
		_, _ = w.processOver(mortalStore{w.store, l}, mortalProvider{w.psp, l}).cancel(t.Context(), w.request())
		w.expectRepeats(process.cancel)
		if s := w.expectOne(billing.StatusActive, billing.PaymentSucceeded); !s.CancelAtPeriodEnd {
			t.Error("it is not cancelled")
		}
		w.expectHistory(billing.EventSubscribed, billing.EventCancelRequested)
	})
}

func TestResumeSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	untilItLives(t, 4, func(t *testing.T, l *life) {
		w := newWorld(t)
		w.subscribed()
		if _, err := w.process().Cancel(t.Context(), app.Cancel{User: viewer, Ref: "basic", At: billing.AtPeriodEnd}); err != nil {
			t.Fatal(err)
		}
		_, _ = w.processOver(mortalStore{w.store, l}, mortalProvider{w.psp, l}).resume(t.Context(), w.request())
		w.expectRepeats(process.resume)
		if s := w.expectOne(billing.StatusActive, billing.PaymentSucceeded); s.CancelAtPeriodEnd {
			t.Error("it is still cancelled")
		}
		w.expectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventCancelRevoked)
	})
}

func (w world) subscribed() app.SubscriptionView {
	w.t.Helper()
	v, err := w.process().Subscribe(w.t.Context(), toBasic())
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// expectRepeats asks again, with the same key, in new processes, and expects
// one answer and not a kopeck more.
func (w world) expectRepeats(ask func(process, context.Context, app.Request) (app.Answer, error)) {
	w.t.Helper()
	var first app.Answer
	for i := range 3 {
		got, err := ask(w.process(), w.t.Context(), w.request())
		if i == 0 {
			first = got
		}
		if err != nil || got.Status != 200 || string(got.Body) != string(first.Body) {
			w.t.Errorf("asked again: %d %s, %v, want %s", got.Status, got.Body, err, first.Body)
		}
	}
	w.settleAll()
	w.expectClean()
	if n := len(w.psp.requests()); n != 1 {
		w.t.Errorf("the payment system was asked %d times, want once, for the first period", n)
	}
}
