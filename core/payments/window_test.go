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

// pausingStore pauses the process after each commit.
type pausingStore struct {
	ports.Store
	pause time.Duration
}

func (s pausingStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	err := s.Store.InTx(ctx, f)
	time.Sleep(s.pause) // in the bubble's time
	return err
}

// deadlineRecorder records the deadline of the last charge.
type deadlineRecorder struct {
	ports.Provider
	deadline time.Time
}

func (d *deadlineRecorder) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	d.deadline, _ = ctx.Deadline()
	return d.Provider.Charge(ctx, r)
}

func TestCollect_NothingSentAfterSendWindow(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]time.Duration{"no pause": 0, "short pause": 7 * time.Second, "long pause": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				d := &deadlineRecorder{Provider: w.Provider}
				begin := time.Now()
				_, _ = w.ProcessOver(pausingStore{w.Store, pause}, d).Subscribe(t.Context(), billingtest.SubscribeBasic())
				// The send window is the charge time-out and ten seconds.
				latest, tooLate := begin.Add(billingtest.ChargeTimeout+10*time.Second), pause > billingtest.ChargeTimeout+10*time.Second
				if d.deadline.IsZero() != tooLate || !d.deadline.Before(latest) {
					t.Errorf("the charge's deadline is %v, want before %v; want no charge: %t", d.deadline, latest, tooLate)
				}
			})
		})
	}
}
