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
					if i%3 == 0 { // a subscription that only ends counts too
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
					w.T.Errorf("the summary is %+v, progress reported %d, want %d due or ended", got, most.Load(), want)
				}
				if left, err := w.Renewer().Due(w.T.Context()); err != nil || left != n-min(limit, n) {
					w.T.Errorf("%d are due after the run, %v", left, err)
				}
			})
		})
	}
}

// batches is a store that records the sizes of claimed batches, and when each
// payment got its send lease.
type batches struct {
	ports.Store
	mu     *sync.Mutex
	sizes  *[]int
	leased map[billing.PaymentID]time.Time
	resent *atomic.Int64 // payments that got a second lease
}

func (w world) batches() batches {
	return batches{w.Store, new(sync.Mutex), new([]int), make(map[billing.PaymentID]time.Time), new(atomic.Int64)}
}

func (s batches) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Payments = batchPayments{tx.Payments, s}
		tx.Leases = batchLeases{tx.Leases, s}
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
		r.batches.leased[p.ID] = time.Now()
	}
	r.batches.mu.Unlock()
	return r.Payments.Add(ctx, send, list...)
}

type batchLeases struct {
	ports.PaymentLeases
	batches batches
}

func (r batchLeases) LeaseForResend(ctx context.Context, send time.Duration, absent ...ports.Absence) ([]ports.PaymentKey, error) {
	granted, err := r.PaymentLeases.LeaseForResend(ctx, send, absent...)
	r.batches.resent.Add(int64(len(granted)))
	r.batches.mu.Lock()
	defer r.batches.mu.Unlock()
	for _, k := range granted {
		r.batches.leased[k.ID] = time.Now()
	}
	return granted, err
}

// punctual is a payment system that expects charges within their send window, with
// a deadline of the full charge time-out.
type punctual struct {
	ports.Provider
	t       *testing.T
	batches batches
}

func (p punctual) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	p.batches.mu.Lock()
	waited := time.Since(p.batches.leased[r.Key])
	p.batches.mu.Unlock()
	until, _ := ctx.Deadline()
	// The window is two charge time-outs and ten seconds. Five seconds of it are a margin.
	if left := time.Until(until); left != billingtest.ChargeTimeout || waited+left > 2*billingtest.ChargeTimeout+5*time.Second {
		p.t.Errorf("the charge is sent %s after its lease, with a time-out of %s", waited, left)
	}
	return p.Provider.Charge(ctx, r)
}

func TestRun_SendsWithinSendWindow(t *testing.T) {
	t.Parallel()
	const all = 0
	for _, tt := range []struct {
		takes       time.Duration // of each charge
		after       int64         // number of charges that take no time
		concurrency int
		due         int
		grows       bool // a batch is larger than concurrency
		last        int  // largest size of the last batch
		late        int  // most payments that miss their window and are resent
	}{
		{0, all, 8, 150, true, 500, 0},
		{100 * time.Millisecond, all, 8, 150, true, 160, 0},
		{time.Second, all, 8, 150, false, 16, 0},
		{4900 * time.Millisecond, all, 8, 150, false, 8, 16}, // in the first batches
		{4900 * time.Millisecond, all, 1, 150, false, 1, 0},
		{4900 * time.Millisecond, all, 64, 150, false, 50, 64}, // more than the breaker's threshold: cancelled charges must not count
		{4900 * time.Millisecond, 30, 1, 150, true, 1, 60},
		{4900 * time.Millisecond, 60, 8, 300, true, 8, 128}, // two batches may be running before the first charge is slow
	} {
		t.Run(fmt.Sprintf("%s after %d charges, concurrency %d", tt.takes, tt.after, tt.concurrency), func(t *testing.T) {
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
				if sent := slow.charges.Load(); sent != int64(n) {
					w.T.Errorf("%d charges were sent, want %d", sent, n)
				}
				if most := int(slow.maxRunning.Load()); most > tt.concurrency {
					w.T.Errorf("%d charges ran at the same time, want at most %d", most, tt.concurrency)
				}
				sizes, late := *store.sizes, store.resent.Load()
				if grown := slices.Max(sizes) > tt.concurrency; grown != tt.grows {
					w.T.Errorf("the batch sizes are %v, want one above %d: %t", sizes, tt.concurrency, tt.grows)
				}
				if last := sizes[len(sizes)-1]; last > tt.last || late > int64(tt.late) {
					w.T.Errorf("%d payments were resent and the last batch was of %d, want at most %d and %d: %v", late, last, tt.late, tt.last, sizes)
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
			t.Errorf("the summary is %+v, %v, with %d charges sent, want %d", got, err, slow.charges.Load(), n)
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
			t.Errorf("the run took %s, want no time", took)
		}
	})
}

func TestRun_WaitsAtMostOneSendWindow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.addSubscribers(1)
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.NeedsConfirmation) // which never comes
		began := time.Now()
		w.expectRun(ports.Summary{Due: 1, Unknown: 1})
		if took := time.Since(began); took > 2*billingtest.ChargeTimeout+20*time.Second {
			t.Errorf("the run took %s, want little more than a send window", took)
		}
		time.Sleep(billingtest.PastSendWindow)
		began = time.Now()
		w.expectRun(ports.Summary{Unknown: 1})
		if took := time.Since(began); took > 0 {
			t.Errorf("the next run took %s, want no time because no send lease is running", took)
		}
	})
}
