package payments_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// heldUp is a store in which the process stands still after each commit.
type heldUp struct {
	ports.Store
	pause time.Duration
}

func (s heldUp) InTx(ctx context.Context, f func(ports.Repos) error) error {
	err := s.Store.InTx(ctx, f)
	time.Sleep(s.pause) // of the bubble's time: nobody waits
	return err
}

// deadline is a payment system that notes until when it may be asked.
type deadline struct {
	ports.Provider
	until time.Time
}

func (d *deadline) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	d.until, _ = ctx.Deadline()
	return d.Provider.Charge(ctx, r)
}

func TestCollect_NothingSentAfterSendWindow(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]time.Duration{"at once": 0, "held up": 7 * time.Second, "held up for long": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				d := &deadline{Provider: w.Provider}
				begin := time.Now()
				_, _ = w.ProcessOver(heldUp{w.Store, pause}, d).Subscribe(t.Context(), billingtest.SubscribeBasic())
				// Ten seconds more than a charge takes is what the sweep leaves to the sender.
				latest, tooLate := begin.Add(billingtest.ChargeTimeout+10*time.Second), pause > billingtest.ChargeTimeout+10*time.Second
				if d.until.IsZero() != tooLate || !d.until.Before(latest) {
					t.Errorf("asked until %v, want before %v, and not at all when too late", d.until, latest)
				}
			})
		})
	}
}
