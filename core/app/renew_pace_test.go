package app_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func TestTheLimitIsNeverExceeded(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 7, 60, 99, 100, 1000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				const n = 100
				for i, u := range w.join(n) {
					if i%3 == 0 { // what is only ended counts too
						expectError(w.t, w.cancel(u, billing.AtPeriodEnd), nil)
					}
				}
				w.clock.advance(month)
				var most atomic.Int64
				store := faults{w.store, func(did, bool) error { return nil }}
				r := w.renewerOver(store, w.psp)
				r.Limit = limit
				r.Progress = func(s app.Summary) { most.Store(max(most.Load(), int64(s.Due+s.Ended))) }
				got, err := r.Run(w.t.Context())
				expectError(w.t, err, nil)
				if want := min(limit, n); got.Due+got.Ended != want || got.Renewed != got.Due || int(most.Load()) != want {
					w.t.Errorf("the run says %+v, and said %d meanwhile, want %d taken up", got, most.Load(), want)
				}
				if left, err := w.renewer().Due(w.t.Context()); err != nil || left != n-min(limit, n) {
					w.t.Errorf("%d are due afterwards, %v", left, err)
				}
			})
		})
	}
}

// batches is a store that notes how large the batches are that are claimed, and
// since when each payment may be sent.
type batches struct {
	app.Store
	mu    *sync.Mutex
	sizes *[]int
	may   map[billing.PaymentID]time.Time

	resent *atomic.Int64 // how many were sent again
}

func (w world) batches() batches {
	return batches{w.store, new(sync.Mutex), new([]int), make(map[billing.PaymentID]time.Time), new(atomic.Int64)}
}

func (s batches) InTx(ctx context.Context, f func(app.Repos) error) error {
	return s.Store.InTx(ctx, func(tx app.Repos) error {
		tx.Payments = batchPayments{tx.Payments, s}
		return f(tx)
	})
}

type batchPayments struct {
	app.Payments
	batches batches
}

func (r batchPayments) Add(ctx context.Context, send time.Duration, list ...billing.Payment) error {
	r.batches.mu.Lock()
	if len(list) > 0 {
		*r.batches.sizes = append(*r.batches.sizes, len(list))
	}
	for _, p := range list {
		r.batches.may[p.ID] = time.Now()
	}
	r.batches.mu.Unlock()
	return r.Payments.Add(ctx, send, list...)
}

func (r batchPayments) Resend(ctx context.Context, send time.Duration, keys ...app.PaymentKey) ([]app.PaymentKey, error) {
	granted, err := r.Payments.Resend(ctx, send, keys...)
	r.batches.resent.Add(int64(len(granted)))
	r.batches.mu.Lock()
	defer r.batches.mu.Unlock()
	for _, k := range granted {
		r.batches.may[k.ID] = time.Now()
	}
	return granted, err
}

// punctual is a payment system that expects to be asked soon after that was
// allowed, and with all the time that a charge may take.
type punctual struct {
	app.Provider
	t       *testing.T
	batches batches
}

func (p punctual) Charge(ctx context.Context, r app.ChargeRequest) (billing.Outcome, error) {
	p.batches.mu.Lock()
	waited := time.Since(p.batches.may[r.Key])
	p.batches.mu.Unlock()
	until, _ := ctx.Deadline()
	// Twice the time of a charge and ten seconds are the window, of which five are a margin.
	if left := time.Until(until); left != chargeTimeout || waited+left > 2*chargeTimeout+5*time.Second {
		p.t.Errorf("it is sent %s after it was allowed, and may take %s", waited, left)
	}
	return p.Provider.Charge(ctx, r)
}

func TestIntentsAreSentWithinTheirWindowHoweverSlowThePaymentSystemIs(t *testing.T) {
	t.Parallel()
	const all = 0
	for _, tt := range []struct {
		takes       time.Duration
		after       int64 // from which charge on it takes so long
		concurrency int
		due         int
		grows       bool // the batches are larger than what is charged at once
		last        int  // how large they are at the end, at most
		late        int  // how many wait for too long, at most
	}{
		{0, all, 8, 150, true, 500, 0},
		{100 * time.Millisecond, all, 8, 150, true, 160, 0},
		{time.Second, all, 8, 150, false, 16, 0},
		{4900 * time.Millisecond, all, 8, 150, false, 8, 16}, // of the first batches
		{4900 * time.Millisecond, all, 1, 150, false, 1, 0},
		{4900 * time.Millisecond, all, 64, 150, false, 50, 64}, // more than the breaker bears: what is cut short would open it
		{4900 * time.Millisecond, 30, 1, 150, true, 1, 60},
		{4900 * time.Millisecond, 60, 8, 300, true, 8, 128}, // two batches may be under way before it is known
	} {
		t.Run(fmt.Sprintf("%s from %d on, %d at once", tt.takes, tt.after, tt.concurrency), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				n := tt.due
				users := w.join(n)
				w.clock.advance(month)
				store := w.batches()
				slow := &faulty{Provider: w.psp, before: func(i int64) error {
					if i > tt.after {
						time.Sleep(tt.takes)
					}
					return nil
				}}
				r := w.renewerOver(store, punctual{slow, w.t, store})
				r.Concurrency = tt.concurrency
				w.expectRun(r, app.Summary{Due: n, Renewed: n}, nil)
				if asked := slow.charges.Load(); asked != int64(n) {
					w.t.Errorf("it was asked %d times, want %d", asked, n)
				}
				if most := int(slow.most.Load()); most > tt.concurrency {
					w.t.Errorf("%d charges were under way at once, want %d at most", most, tt.concurrency)
				}
				sizes, late := *store.sizes, store.resent.Load()
				if grown := slices.Max(sizes) > tt.concurrency; grown != tt.grows {
					w.t.Errorf("the batches are %v", sizes)
				}
				if last := sizes[len(sizes)-1]; last > tt.last || late > int64(tt.late) {
					w.t.Errorf("%d were too late, and the last batch was of %d, want %d and %d at most: %v", late, last, tt.late, tt.last, sizes)
				}
				w.expectPaid(users, 2)
			})
		})
	}
}

func TestWhatIsSentAgainIsSentWithinItsWindowToo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		const n = 60
		users := w.join(n)
		w.clock.advance(month)
		w.psp.suffers(refusesConn)
		r := w.renewer()
		r.Concurrency = n
		_, err := r.Run(w.t.Context())
		expectError(t, err, app.ErrGaveUp)
		w.psp.suffers(fine)
		time.Sleep(sendOver)
		slow := &faulty{Provider: w.psp, takes: 4 * time.Second}
		got, err := w.renewerOver(w.store, slow).Run(w.t.Context())
		if err != nil || got.Settled+got.Renewed != n || got.Trouble() || slow.charges.Load() != n {
			t.Errorf("the run says %+v, %v, and sent %d charges, want %d", got, err, slow.charges.Load(), n)
		}
		w.expectPaid(users, 2)
	})
}

func TestARunWithNothingToDoAsksNobodyAndWaitsForNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.join(3)
		began := time.Now()
		w.expectRun(w.renewerOver(w.store, forbidden{w.t}), app.Summary{}, nil)
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %s", took)
		}
	})
}

func TestARunWaitsForNobodyMuchLongerThanASendWindow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.join(1)
		w.clock.advance(month)
		w.psp.suffers(waits) // a renewal that waits for its viewer, for ever
		began := time.Now()
		w.run(app.Summary{Due: 1, Unknown: 1})
		if took := time.Since(began); took > 2*chargeTimeout+20*time.Second {
			t.Errorf("it took %s", took)
		}
		time.Sleep(sendOver)
		began = time.Now()
		w.run(app.Summary{Unknown: 1})
		if took := time.Since(began); took > 0 {
			t.Errorf("the next took %s, although nobody sends anything", took)
		}
	})
}
