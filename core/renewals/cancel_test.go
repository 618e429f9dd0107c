package renewals_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// claims is a store that orders claims and cancels by a sequence number.
type claims struct {
	ports.Store
	seq *atomic.Int64
	at  *sync.Map // user id to the number drawn when the claiming transaction began
}

func (s claims) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments = claimsPayments{tx.Payments, s.seq.Add(1), s.at}
		return f(tx)
	})
}

type claimsPayments struct {
	ports.Payments
	began int64
	at    *sync.Map
}

func (r claimsPayments) Add(ctx context.Context, send time.Duration, list ...billing.Payment) error {
	for _, p := range list {
		r.at.Store(p.UserID, r.began)
	}
	return r.Payments.Add(ctx, send, list...)
}

func TestRun_RacingCancels(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(120)
		w.Clock.Advance(billingtest.Month)
		store := claims{w.Store, new(atomic.Int64), new(sync.Map)}
		cancelled := make([]int64, len(users)) // sequence numbers
		var cancels sync.WaitGroup
		p := &faultyProvider{Provider: w.Provider, delay: time.Millisecond}
		for i, u := range users { // the first user is claimed first, and cancels last
			cancels.Go(func() {
				time.Sleep(time.Duration(len(users)-i) * 120 * time.Microsecond)
				billingtest.ExpectError(w.T, w.cancel(u, billing.AtPeriodEnd), nil)
				cancelled[i] = store.seq.Add(1)
			})
		}
		_, err := w.RenewerOver(store, p).Run(w.T.Context())
		billingtest.ExpectError(t, err, nil)
		cancels.Wait()

		var charged, ended []billing.UserID
		for i, u := range users {
			claimed, ok := store.at.Load(u)
			switch s := w.subscriptionOf(u); {
			case ok && claimed.(int64) > cancelled[i]:
				t.Errorf("%s was claimed after the cancel had returned", u)
			case ok && s.Status == billing.StatusActive && s.CancelAtPeriodEnd:
				charged = append(charged, u)
			case !ok && s.Status == billing.StatusEnded:
				ended = append(ended, u)
			default:
				t.Errorf("the subscription of %s is %s, claimed: %t", u, s.Status, ok)
			}
		}
		if len(charged) == 0 || len(ended) == 0 {
			t.Logf("%d charged and %d ended: no race happened this time", len(charged), len(ended))
		}
		w.expectPaid(charged, 2)
		w.expectPaid(ended, 1)
		w.Clock.Advance(billingtest.Month)
		w.expectRun(ports.Summary{Ended: len(charged)})
		w.expectPaid(charged, 2)
	})
}

func TestRun_CancelDuringCharge(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Clock.Advance(billingtest.Month)
		w.Provider.OnCharge = func() {
			billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, billing.AtOnce), billing.ErrInvalidTransition)
			billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, billing.AtPeriodEnd), nil)
		}
		w.expectRun(ports.Summary{Due: 1, Renewed: 1})
		w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventRenewed)
		w.Clock.Advance(billingtest.Month)
		w.expectRun(ports.Summary{Ended: 1})
		if s := w.subscriptionOf(billingtest.Viewer); !s.EndedAt.Equal(date(5, 1)) {
			t.Errorf("ended at %s, want the end of the paid period", s.EndedAt)
		}
		w.expectPaid([]billing.UserID{billingtest.Viewer}, 2)
	})
}

func TestSweep_UnsentRenewal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(w world, store removedMethods, user billing.UserID)
		resent bool
		next   ports.Summary // of the next run
		status billing.Status
	}{
		{"still due, is resent", func(world, removedMethods, billing.UserID) {}, true, ports.Summary{}, billing.StatusActive},
		{"cancelled, is abandoned", func(w world, _ removedMethods, u billing.UserID) {
			billingtest.ExpectError(w.T, w.cancel(u, billing.AtPeriodEnd), nil)
		}, false, ports.Summary{}, billing.StatusEnded},
		{"cancelled and resumed, is resent", func(w world, _ removedMethods, u billing.UserID) {
			billingtest.ExpectError(w.T, w.cancel(u, billing.AtPeriodEnd), nil)
			_, err := w.Process().Resume(w.T.Context(), viewers.Resume{User: u, Ref: "basic"})
			billingtest.ExpectError(w.T, err, nil)
		}, true, ports.Summary{}, billing.StatusActive},
		{"period over, is abandoned and replaced", func(w world, _ removedMethods, _ billing.UserID) {
			w.Clock.Advance(30 * 24 * time.Hour)
		}, false, ports.Summary{Due: 1, Renewed: 1}, billing.StatusActive},
		{"last moment of the period, is resent", func(w world, _ removedMethods, _ billing.UserID) {
			w.Clock.Advance(30*24*time.Hour - time.Microsecond)
		}, true, ports.Summary{}, billing.StatusActive},
		{"method removed, is abandoned", func(w world, store removedMethods, u billing.UserID) {
			store.remove(w.subscriptionOf(u).MethodID)
		}, false, ports.Summary{Ended: 1}, billing.StatusEnded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				user := w.addSubscribers(1)[0]
				w.Clock.Advance(billingtest.Month)
				w.claimOnly()
				intent := w.subscriptionOf(user).Latest
				w.sweepNothing(time.Second) // the send lease is still running
				store := w.removedMethods()
				tt.change(w, store, user)
				time.Sleep(billingtest.PastSendWindow)
				got, err := w.ProcessOver(store, w.Provider).Sweep(w.T.Context(), 10, 16)
				if err != nil || len(got) != 1 || !got[0].Payment.Settled() {
					w.T.Errorf("Sweep = %+v, %v, want one settled", got, err)
				}
				w.expectSent(intent, tt.resent)
				w.expectRunOf(w.RenewerOver(store, w.Provider), tt.next, nil)
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

// sweepNothing sleeps and expects that a sweep then finds no payment.
func (w world) sweepNothing(after time.Duration) {
	w.T.Helper()
	time.Sleep(after)
	w.ExpectSweep(0, 0)
}

// expectSent expects that the payment system received this payment once, or never.
func (w world) expectSent(p billing.Payment, want bool) {
	w.T.Helper()
	sent := 0
	for _, r := range w.Provider.Requests() {
		if r.Key != p.ID {
			continue
		}
		sent++
		if !billingtest.SameCharge(r, ports.ChargeRequest{Token: billingtest.Token, Amount: p.Amount, Initiator: p.Initiator}) {
			w.T.Errorf("the request is %+v, the payment %+v", r, p)
		}
	}
	if want != (sent == 1) || sent > 1 {
		w.T.Errorf("payment %s was sent %d times, want once: %t", p.ID, sent, want)
	}
}

func TestSweep_ConcurrentSweepsSendOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ lookup, later time.Duration }{
		"same moment":                             {0, 0},
		"lookup outlasts the sweep lease":         {11 * time.Second, 10500 * time.Millisecond},
		"lookup outlasts the other's send window": {20 * time.Second, 10500 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(5)
				w.Clock.Advance(billingtest.Month)
				w.claimOnly()
				claimed := len(w.claimed(users))
				time.Sleep(billingtest.PastSendWindow)
				p := &faultyProvider{Provider: w.Provider, delay: 4 * time.Second}
				slow := &faultyProvider{Provider: p, find: func(int64) error { time.Sleep(tt.lookup); return nil }}
				errs := billingtest.Concurrently(2, func(i int) error {
					if i == 1 {
						time.Sleep(tt.later)
					}
					_, err := w.ProcessOver(w.Store, []ports.Provider{slow, p}[i]).Sweep(w.T.Context(), 10, 16)
					return err
				})
				billingtest.ExpectError(w.T, errs[0], nil)
				billingtest.ExpectError(w.T, errs[1], nil)
				if n := int(p.charges.Load()); n != claimed || claimed == 0 {
					w.T.Errorf("%d charges were sent for %d intents", n, claimed)
				}
				w.runUntilQuiet()
				w.expectPaid(users, 2)
			})
		})
	}
}

// claimed returns the users whose payment is pending.
func (w world) claimed(users []billing.UserID) (list []billing.UserID) {
	w.T.Helper()
	for _, u := range users {
		if !w.subscriptionOf(u).Latest.Settled() {
			list = append(list, u)
		}
	}
	return list
}

func TestSweep_ResendsOncePerLease(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.ConnectionRefused, billingtest.BadCredentials, billingtest.RequestLost, billingtest.HangsBeforeCharge} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.addSubscribers(1)
				w.Clock.Advance(billingtest.Month)
				w.claimOnly()
				time.Sleep(billingtest.PastSendWindow)
				w.Provider.SetFault(m)
				p := &faultyProvider{Provider: w.Provider}
				for range 10 { // like the API, which sweeps until it finds no payment
					_, err := w.ProcessOver(w.Store, p).Sweep(w.T.Context(), 10, 16)
					billingtest.ExpectError(w.T, err, nil)
				}
				if n := p.charges.Load(); n != 1 {
					w.T.Errorf("the payment was sent %d times, want once", n)
				}
			})
		})
	}
}
