package app_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// heldUp is a store in which the process stands still after each commit.
type heldUp struct {
	app.Store
	pause time.Duration
}

func (s heldUp) InTx(ctx context.Context, f func(app.Repos) error) error {
	err := s.Store.InTx(ctx, f)
	time.Sleep(s.pause) // of the bubble's time: nobody waits
	return err
}

// deadline is a payment system that notes until when it may be asked.
type deadline struct {
	app.Provider
	until time.Time
}

func (d *deadline) Charge(ctx context.Context, r app.ChargeRequest) (billing.Outcome, error) {
	d.until, _ = ctx.Deadline()
	return d.Provider.Charge(ctx, r)
}

func TestNothingIsSentAfterTheSendWindow(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]time.Duration{"at once": 0, "held up": 7 * time.Second, "held up for long": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				d := &deadline{Provider: w.psp}
				begin := time.Now()
				_, _ = w.processOver(heldUp{w.store, pause}, d).Subscribe(t.Context(), toBasic())
				// Ten seconds more than a charge takes is what the sweep leaves to the sender.
				latest, tooLate := begin.Add(chargeTimeout+10*time.Second), pause > chargeTimeout+10*time.Second
				if d.until.IsZero() != tooLate || !d.until.Before(latest) {
					t.Errorf("asked until %v, want before %v, and not at all when too late", d.until, latest)
				}
			})
		})
	}
}
