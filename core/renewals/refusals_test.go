package renewals_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
)

// refusing is a payment system that answers the charges of a run in this order, one
// charge at a time. A charge whose answer is nil succeeds.
func (w world) refusing(answer func(n int64) error) *renewals.Renewer {
	r := w.RenewerOver(w.Store, &faultyProvider{Provider: w.Provider, before: answer})
	r.Concurrency = 1
	return r
}

// countHeld returns how many of the users' subscriptions are on hold.
func (w world) countHeld(users []billing.UserID) (n int) {
	w.T.Helper()
	for _, u := range users {
		if w.subscriptionOf(u).Hold != "" {
			n++
		}
	}
	return n
}

func TestRun_MostChargesRefusedAlike(t *testing.T) {
	t.Parallel()
	const n = 300
	for m, code := range map[billingtest.Fault]billing.DeclineCode{
		billingtest.UnknownToken: billing.TokenUnknown, billingtest.RequestRefused: billing.Refused,
	} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(n)
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(m)
				sent := len(w.Provider.Requests())
				got, err := w.Renewer().Run(w.T.Context())
				billingtest.ExpectError(w.T, err, ports.ErrGaveUp)
				if want := billingtest.System + " (20 of 20 charges were refused as " + string(code) + ")"; err == nil || !strings.Contains(err.Error(), want) {
					w.T.Errorf("the error is %v, want %q in it", err, want)
				}
				if got.Due == 0 || got.Due == n || got != (ports.Summary{Due: got.Due, Failed: got.Due}) {
					w.T.Errorf("the summary is %+v, want some due and all of them failed", got)
				}
				if left := w.claimed(users); len(left) > 0 {
					w.T.Errorf("payments left pending: %v, want all postponed", left)
				}
				if sent = len(w.Provider.Requests()) - sent; sent > 20+8 {
					w.T.Errorf("the run sent %d charges, want at most 28", sent)
				}
				_, err = w.Renewer().Run(w.T.Context()) // while the fault lasts
				billingtest.ExpectError(w.T, err, ports.ErrGaveUp)
				w.expectAll(users, billing.StatusActive)

				w.Provider.SetFault(billingtest.NoFault)
				got, err = w.Renewer().Run(w.T.Context())
				if err != nil || got.Settled+got.Renewed != n || got.Trouble() {
					w.T.Errorf("after the fault the summary is %+v, %v, want all renewed", got, err)
				}
				w.expectAll(users, billing.StatusActive)
				w.expectPaid(users, 2)
			})
		})
	}
}

func TestRun_RefusalsOfAFault(t *testing.T) {
	t.Parallel()
	refusedIf := func(refused func(n int64) bool) func(int64) error {
		return func(n int64) error {
			if refused(n) {
				return ports.ErrTokenUnknown
			}
			return nil
		}
	}
	for name, tt := range map[string]struct {
		refused          func(n int64) bool
		minHeld, maxHeld int
		wantErr          error
	}{
		"one of twenty":                {func(n int64) bool { return n%20 == 0 }, 15, 15, nil},
		"one of three":                 {func(n int64) bool { return n%3 == 0 }, 100, 100, nil},
		"every other one":              {func(n int64) bool { return n%2 == 0 }, 150, 150, nil},
		"two of three":                 {func(n int64) bool { return n%3 > 0 }, 0, 0, ports.ErrGaveUp},
		"the first fifteen":            {func(n int64) bool { return n <= 15 }, 15, 15, nil},
		"all from the middle of a run": {func(n int64) bool { return n >= 150 }, 1, 40, ports.ErrGaveUp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(300)
				w.Clock.Advance(billingtest.Month)
				_, err := w.refusing(refusedIf(tt.refused)).Run(w.T.Context())
				billingtest.ExpectError(w.T, err, tt.wantErr)
				if n := w.countHeld(users); n < tt.minHeld || n > tt.maxHeld {
					w.T.Errorf("%d subscriptions are on hold, want %d to %d", n, tt.minHeld, tt.maxHeld)
				}
			})
		})
	}
}

// Declines by an account that has lost a permission are refusals as well. They have no
// effect on the subscriptions, although the payment system stores them.
func TestRun_MostChargesDeclinedAlike(t *testing.T) {
	t.Parallel()
	for code, held := range map[billing.DeclineCode]int{
		billing.TokenInvalid: 0, billing.AuthenticationRequired: 0, billing.CardExpired: 60,
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(60)
				w.Clock.Advance(billingtest.Month)
				_, err := w.RenewerOver(w.Store, decliner{w.Provider, code}).Run(w.T.Context())
				if gaveUp := errors.Is(err, ports.ErrGaveUp); gaveUp != (held == 0) {
					w.T.Errorf("Run = %v", err)
				}
				if n := w.countHeld(users); n != held {
					w.T.Errorf("%d subscriptions are on hold, want %d", n, held)
				}
			})
		})
	}
}

// decliner declines all charges with a code.
type decliner struct {
	ports.Provider
	code billing.DeclineCode
}

func (d decliner) Charge(context.Context, ports.ChargeRequest) (billing.Outcome, error) {
	return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: d.code}, nil
}

func TestRun_AcceptRefusals(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.addSubscribers(40)
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.UnknownToken)
		r := w.Renewer()
		r.AcceptRefusals = true
		w.expectRunOf(r, ports.Summary{Due: 40, Declined: 40, Held: 40}, nil)
	})
}

// A run that is stopped early has too few answers to judge refusals, so it leaves them to
// the next run.
func TestRun_StopPostponesRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(n int64) error
		held   bool
	}{
		"all refused":    {always(ports.ErrTokenUnknown), false},
		"the first only": {firstCalls(1, ports.ErrTokenUnknown), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(50)
				w.Clock.Advance(billingtest.Month)
				ctx, stop := context.WithCancel(w.T.Context())
				defer stop()
				r := w.refusing(func(n int64) error {
					if n == 3 {
						stop()
					}
					return tt.answer(n)
				})
				got, err := r.Run(ctx)
				billingtest.ExpectError(w.T, err, nil)
				if n := w.countHeld(users); (n > 0) != tt.held || n != got.Held {
					w.T.Errorf("%d subscriptions are on hold; the summary is %+v", n, got)
				}
				if left := w.claimed(users); len(left) > 0 {
					w.T.Errorf("payments left pending: %v", left)
				}
			})
		})
	}
}

// Refusals that remain undecided are recorded when too many are held back.
func TestRun_HoldsFewRefusals(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		const n = 660
		w.addSubscribers(n)
		w.Clock.Advance(billingtest.Month)
		r := w.refusing(func(n int64) error {
			if n%3 == 1 {
				return ports.ErrTokenUnknown
			}
			return nil
		})
		maxOpen := 0
		r.Progress = func(s ports.Summary) { maxOpen = max(maxOpen, s.Renewed/2-s.Declined) }
		got, err := r.Run(w.T.Context())
		billingtest.ExpectError(w.T, err, nil)
		if got.Declined != (n+2)/3 || got.Held != got.Declined {
			w.T.Errorf("the summary is %+v", got)
		}
		if maxOpen > 200+250 { // held, and being recorded
			w.T.Errorf("%d refusals were held back, want about 200 at most", maxOpen)
		}
	})
}

// The answers of a slow payment system come one by one, so a refusal is still undecided
// when its send window ends. It is recorded before that.
func TestRun_HoldsRefusalsWithinSendWindow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(12)
		w.Clock.Advance(billingtest.Month)
		r := w.RenewerOver(w.Store, &faultyProvider{Provider: w.Provider, before: func(n int64) error {
			time.Sleep(billingtest.ChargeTimeout - time.Second)
			return firstCalls(4, ports.ErrTokenUnknown)(n)
		}})
		r.Concurrency = 1
		done := make(chan struct{})
		go func() { // the API
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Second):
					_, _ = w.Process().Sweep(context.WithoutCancel(w.T.Context()), 200, 16)
				}
			}
		}()
		got, err := r.Run(w.T.Context())
		close(done)
		billingtest.ExpectError(w.T, err, nil)
		if want := (ports.Summary{Due: 12, Renewed: 8, Declined: 4, Held: 4}); got != want {
			w.T.Errorf("the summary is %+v, want %+v", got, want)
		}
		if n := w.countHeld(users); n != 4 {
			w.T.Errorf("%d subscriptions are on hold, want 4", n)
		}
	})
}

// A sweep sees too few answers to judge a refusal, so it leaves it to the next run.
func TestSweep_PostponesRefusalOfResend(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(1)
		w.Clock.Advance(billingtest.Month)
		w.claimOnly()
		time.Sleep(billingtest.PastSendWindow)
		w.Provider.SetFault(billingtest.UnknownToken)
		w.ExpectSweep(1, 0)
		if s := w.subscriptionOf(users[0]); s.Status != billing.StatusActive || s.Latest.DeclineCode != billing.Postponed {
			w.T.Errorf("the subscription is %s, its renewal %s, want active and postponed", s.Status, s.Latest.DeclineCode)
		}
		w.expectRun(ports.Summary{Due: 1, Declined: 1, Held: 1})
	})
}
