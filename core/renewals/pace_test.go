package renewals_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

func TestRun_Limit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 7, 60, 99, 100, 1000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				const n = 100
				for i, u := range w.addSubscribers(n) {
					if i%3 == 0 { // what is only ended counts too
						billingtest.ExpectError(w.T, w.cancel(u, billing.AtPeriodEnd), nil)
					}
				}
				w.Clock.Advance(billingtest.Month)
				var most atomic.Int64
				store := faultyStore{Store: w.Store, fail: func(txCalls, bool) error { return nil }}
				r := w.RenewerOver(store, w.Provider)
				r.Limit = limit
				r.Progress = func(s ports.Summary) { most.Store(max(most.Load(), int64(s.Due+s.Ended))) }
				got, err := r.Run(w.T.Context())
				billingtest.ExpectError(w.T, err, nil)
				if want := min(limit, n); got.Due+got.Ended != want || got.Renewed != got.Due || int(most.Load()) != want {
					w.T.Errorf("the run says %+v, and said %d meanwhile, want %d taken up", got, most.Load(), want)
				}
				if left, err := w.Renewer().Due(w.T.Context()); err != nil || left != n-min(limit, n) {
					w.T.Errorf("%d are due afterwards, %v", left, err)
				}
			})
		})
	}
}

// batches is a store that notes how large the batches are that are claimed, and
// since when each payment may be sent.
type batches struct {
	ports.Store
	mu    *sync.Mutex
	sizes *[]int
	may   map[billing.PaymentID]time.Time

	resent *atomic.Int64 // how many were sent again
}

func (w world) batches() batches {
	return batches{w.Store, new(sync.Mutex), new([]int), make(map[billing.PaymentID]time.Time), new(atomic.Int64)}
}

func (s batches) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments = batchPayments{tx.Payments, s}
		return f(tx)
	})
}

type batchPayments struct {
	ports.Payments
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

func (r batchPayments) LeaseForResend(ctx context.Context, send time.Duration, keys ...ports.PaymentKey) ([]ports.PaymentKey, error) {
	granted, err := r.Payments.LeaseForResend(ctx, send, keys...)
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
	ports.Provider
	t       *testing.T
	batches batches
}

func (p punctual) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	p.batches.mu.Lock()
	waited := time.Since(p.batches.may[r.Key])
	p.batches.mu.Unlock()
	until, _ := ctx.Deadline()
	// Twice the time of a charge and ten seconds are the window, of which five are a margin.
	if left := time.Until(until); left != billingtest.ChargeTimeout || waited+left > 2*billingtest.ChargeTimeout+5*time.Second {
		p.t.Errorf("it is sent %s after it was allowed, and may take %s", waited, left)
	}
	return p.Provider.Charge(ctx, r)
}

func TestRun_SendsWithinSendWindow(t *testing.T) {
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
				users := w.addSubscribers(n)
				w.Clock.Advance(billingtest.Month)
				store := w.batches()
				slow := &faultyProvider{Provider: w.Provider, before: func(i int64) error {
					if i > tt.after {
						time.Sleep(tt.takes)
					}
					return nil
				}}
				r := w.RenewerOver(store, punctual{slow, w.T, store})
				r.Concurrency = tt.concurrency
				w.expectRunOf(r, ports.Summary{Due: n, Renewed: n}, nil)
				if asked := slow.charges.Load(); asked != int64(n) {
					w.T.Errorf("it was asked %d times, want %d", asked, n)
				}
				if most := int(slow.maxRunning.Load()); most > tt.concurrency {
					w.T.Errorf("%d charges were under way at once, want %d at most", most, tt.concurrency)
				}
				sizes, late := *store.sizes, store.resent.Load()
				if grown := slices.Max(sizes) > tt.concurrency; grown != tt.grows {
					w.T.Errorf("the batches are %v", sizes)
				}
				if last := sizes[len(sizes)-1]; last > tt.last || late > int64(tt.late) {
					w.T.Errorf("%d were too late, and the last batch was of %d, want %d and %d at most: %v", late, last, tt.late, tt.last, sizes)
				}
				w.expectPaid(users, 2)
			})
		})
	}
}

func TestRun_ResendsWithinSendWindow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		const n = 60
		users := w.addSubscribers(n)
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.ConnectionRefused)
		r := w.Renewer()
		r.Concurrency = n
		_, err := r.Run(w.T.Context())
		billingtest.ExpectError(t, err, ports.ErrGaveUp)
		w.Provider.SetFault(billingtest.NoFault)
		time.Sleep(billingtest.PastSendWindow)
		slow := &faultyProvider{Provider: w.Provider, delay: 4 * time.Second}
		got, err := w.RenewerOver(w.Store, slow).Run(w.T.Context())
		if err != nil || got.Settled+got.Renewed != n || got.Trouble() || slow.charges.Load() != n {
			t.Errorf("the run says %+v, %v, and sent %d charges, want %d", got, err, slow.charges.Load(), n)
		}
		w.expectPaid(users, 2)
	})
}

func TestRun_NothingDue(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.addSubscribers(3)
		began := time.Now()
		w.expectRunOf(w.RenewerOver(w.Store, forbidden{w.T}), ports.Summary{}, nil)
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %s", took)
		}
	})
}

func TestRun_WaitsAtMostOneSendWindow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.addSubscribers(1)
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.NeedsConfirmation) // a renewal that waits for its viewer, for ever
		began := time.Now()
		w.expectRun(ports.Summary{Due: 1, Unknown: 1})
		if took := time.Since(began); took > 2*billingtest.ChargeTimeout+20*time.Second {
			t.Errorf("it took %s", took)
		}
		time.Sleep(billingtest.PastSendWindow)
		began = time.Now()
		w.expectRun(ports.Summary{Unknown: 1})
		if took := time.Since(began); took > 0 {
			t.Errorf("the next took %s, although nobody sends anything", took)
		}
	})
}
