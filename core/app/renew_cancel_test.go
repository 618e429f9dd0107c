package app_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// claims is a store that notes when who was claimed: a number that grows.
type claims struct {
	app.Store
	seq *atomic.Int64
	at  *sync.Map // of when the transaction had begun that billed a user
}

func (s claims) InTx(ctx context.Context, f func(app.Repos) error) error {
	return s.Store.InTx(ctx, func(tx app.Repos) error {
		tx.Payments = claimsPayments{tx.Payments, s.seq.Add(1), s.at}
		return f(tx)
	})
}

type claimsPayments struct {
	app.Payments
	began int64
	at    *sync.Map
}

func (r claimsPayments) Add(ctx context.Context, send time.Duration, list ...billing.Payment) error {
	for _, p := range list {
		r.at.Store(p.UserID, r.began)
	}
	return r.Payments.Add(ctx, send, list...)
}

func TestCancelsThatRaceARun(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.join(120)
		w.clock.advance(month)
		store := claims{w.store, new(atomic.Int64), new(sync.Map)}
		answered := make([]int64, len(users))
		var cancels sync.WaitGroup
		p := &faulty{Provider: w.psp, takes: time.Millisecond}
		for i, u := range users { // the first of them, who is claimed first, cancels last
			cancels.Go(func() {
				time.Sleep(time.Duration(len(users)-i) * 120 * time.Microsecond)
				expectError(w.t, w.cancel(u, billing.AtPeriodEnd), nil)
				answered[i] = store.seq.Add(1)
			})
		}
		_, err := w.renewerOver(store, p).Run(w.t.Context())
		expectError(t, err, nil)
		cancels.Wait()

		var charged, ended []billing.UserID
		for i, u := range users {
			claimed, ok := store.at.Load(u)
			switch s := w.subscriptionOf(u); {
			case ok && claimed.(int64) > answered[i]:
				t.Errorf("%s was billed, although the cancel had been answered", u)
			case ok && s.Status == billing.StatusActive && s.CancelAtPeriodEnd:
				charged = append(charged, u)
			case !ok && s.Status == billing.StatusEnded:
				ended = append(ended, u)
			default:
				t.Errorf("%s, billed %t, is %s", u, ok, s.Status)
			}
		}
		if len(charged) == 0 || len(ended) == 0 {
			t.Logf("%d were charged and %d ended: this time there was no race", len(charged), len(ended))
		}
		w.expectPaid(charged, 2)
		w.expectPaid(ended, 1)
		w.clock.advance(month)
		w.run(app.Summary{Ended: len(charged)})
		w.expectPaid(charged, 2)
	})
}

func TestACancelWhileTheRenewalIsChargedEndsTheNextPeriod(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.subscribed()
		w.clock.advance(month)
		w.psp.taken = func() {
			expectError(w.t, w.cancel(viewer, billing.AtOnce), billing.ErrInvalidTransition)
			expectError(w.t, w.cancel(viewer, billing.AtPeriodEnd), nil)
		}
		w.run(app.Summary{Due: 1, Renewed: 1})
		w.expectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventRenewed)
		w.clock.advance(month)
		w.run(app.Summary{Ended: 1})
		if s := w.subscriptionOf(viewer); !s.EndedAt.Equal(date(5, 1)) {
			t.Errorf("ended at %s, want when what was paid for is over", s.EndedAt)
		}
		w.expectPaid([]billing.UserID{viewer}, 2)
	})
}

func TestAnIntentThatWasNeverSeen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		befall func(w world, store removals, user billing.UserID)
		resent bool
		next   app.Summary // what the next run says
		status billing.Status
	}{
		{"is sent again while it is wanted", func(world, removals, billing.UserID) {}, true, app.Summary{}, billing.StatusActive},
		{"is given up once the viewer has cancelled", func(w world, _ removals, u billing.UserID) {
			expectError(w.t, w.cancel(u, billing.AtPeriodEnd), nil)
		}, false, app.Summary{}, billing.StatusEnded},
		{"is sent again when the cancel was taken back", func(w world, _ removals, u billing.UserID) {
			expectError(w.t, w.cancel(u, billing.AtPeriodEnd), nil)
			_, err := w.process().Resume(w.t.Context(), app.Resume{User: u, Ref: "basic"})
			expectError(w.t, err, nil)
		}, true, app.Summary{}, billing.StatusActive},
		{"is given up once its period is over, and another is made", func(w world, _ removals, _ billing.UserID) {
			w.clock.advance(30 * 24 * time.Hour)
		}, false, app.Summary{Due: 1, Renewed: 1}, billing.StatusActive},
		{"is sent again at the last moment of its period", func(w world, _ removals, _ billing.UserID) {
			w.clock.advance(30*24*time.Hour - time.Microsecond)
		}, true, app.Summary{}, billing.StatusActive},
		{"is given up once the method is removed", func(w world, store removals, u billing.UserID) {
			store.remove(w.subscriptionOf(u).MethodID)
		}, false, app.Summary{Ended: 1}, billing.StatusEnded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				user := w.join(1)[0]
				w.clock.advance(month)
				w.claimOnly()
				intent := w.subscriptionOf(user).Latest
				w.sweepNothing(time.Second) // somebody may be sending it
				store := w.removals()
				tt.befall(w, store, user)
				time.Sleep(sendOver)
				got, err := w.processOver(store, w.psp).Sweep(w.t.Context(), 10)
				if err != nil || got != (app.Swept{Settled: 1}) {
					w.t.Errorf("the sweep says %+v, %v", got, err)
				}
				w.expectAsked(intent, tt.resent)
				w.expectRun(w.renewerOver(store, w.psp), tt.next, nil)
				w.expectAll([]billing.UserID{user}, tt.status)
				want := 2
				if tt.status == billing.StatusEnded {
					want = 1
				}
				w.expectPaid([]billing.UserID{user}, want)
			})
		})
	}
}

func (w world) sweepNothing(after time.Duration) {
	w.t.Helper()
	time.Sleep(after)
	w.sweep(0, 0)
}

// expectAsked expects that the payment system was asked for this payment once,
// or never.
func (w world) expectAsked(p billing.Payment, want bool) {
	w.t.Helper()
	asked := 0
	for _, r := range w.psp.requests() {
		if r.Key != p.ID {
			continue
		}
		asked++
		if !same(r, app.ChargeRequest{Token: token, Amount: p.Amount, Initiator: p.Initiator}) {
			w.t.Errorf("it was asked for %+v, want as for %+v", r, p)
		}
	}
	if want != (asked == 1) || asked > 1 {
		w.t.Errorf("the payment system was asked %d times for %s, want once: %t", asked, p.ID, want)
	}
}

func TestTwoSweepsAtOnceSendOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ looks, later time.Duration }{
		"at the same moment":                            {0, 0},
		"one looks for so long that another may too":    {11 * time.Second, 10500 * time.Millisecond},
		"one looks for longer than another may send it": {20 * time.Second, 10500 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.join(5)
				w.clock.advance(month)
				w.claimOnly()
				claimed := len(w.claimed(users))
				time.Sleep(sendOver)
				p := &faulty{Provider: w.psp, takes: 4 * time.Second}
				slow := &faulty{Provider: p, look: func(int64) error { time.Sleep(tt.looks); return nil }}
				errs := atOnce(2, func(i int) error {
					if i == 1 {
						time.Sleep(tt.later)
					}
					_, err := w.processOver(w.store, []app.Provider{slow, p}[i]).Sweep(w.t.Context(), 10)
					return err
				})
				expectError(w.t, errs[0], nil)
				expectError(w.t, errs[1], nil)
				if n := int(p.charges.Load()); n != claimed || claimed == 0 {
					w.t.Errorf("%d charges were sent for %d intents", n, claimed)
				}
				w.runUntilQuiet()
				w.expectPaid(users, 2)
			})
		})
	}
}

// claimed returns the users whose payment is pending.
func (w world) claimed(users []billing.UserID) (list []billing.UserID) {
	w.t.Helper()
	for _, u := range users {
		if !w.subscriptionOf(u).Latest.Settled() {
			list = append(list, u)
		}
	}
	return list
}

func TestASweepDoesNotAskAgainAndAgain(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{refusesConn, credentials, lostBefore, hangs} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.join(1)
				w.clock.advance(month)
				w.claimOnly()
				time.Sleep(sendOver)
				w.psp.suffers(m)
				p := &faulty{Provider: w.psp}
				for range 10 { // as the API does until nothing is left to take
					_, err := w.processOver(w.store, p).Sweep(w.t.Context(), 10)
					expectError(w.t, err, nil)
				}
				if n := p.charges.Load(); n != 1 {
					w.t.Errorf("it was asked %d times at once", n)
				}
			})
		})
	}
}
