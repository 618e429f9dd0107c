package renewals_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/viewers"
)

// A viewer cancels while a run has claimed the subscription. The response comes when the
// charge has ended, or can no longer be sent, and no charge is sent afterwards.
func TestCancel_WaitsForClaimedRenewal(t *testing.T) {
	t.Parallel()
	const sendWindow = billingtest.ChargeTimeout + 10*time.Second + billingtest.ChargeTimeout
	for name, tt := range map[string]struct {
		run    func(w world)
		min    time.Duration // of the response
		max    time.Duration
		status billing.PaymentStatus
		charge int
	}{
		"charge takes three seconds": {func(w world) {
			p := &faultyProvider{Provider: w.Provider, delay: 3 * time.Second}
			_, _ = w.RenewerOver(w.Store, p).Run(context.WithoutCancel(w.T.Context()))
		}, time.Second, 3 * time.Second, billing.PaymentSucceeded, 2},
		"run is killed after its claim": {func(w world) { w.claimOnly() },
			sendWindow - billingtest.ChargeTimeout - 2*time.Second, sendWindow, billing.PaymentPending, 1},
		"response is lost": {func(w world) {
			w.Provider.SetFault(billingtest.HangsAfterCharge)
			p := &faultyProvider{Provider: w.Provider, find: always(billingtest.ErrLost)}
			_, _ = w.RenewerOver(w.Store, p).Run(context.WithoutCancel(w.T.Context()))
		}, time.Second, sendWindow, billing.PaymentPending, 2},
		"connection is refused": {func(w world) {
			w.Provider.SetFault(billingtest.ConnectionRefused)
			p := &faultyProvider{Provider: w.Provider, find: always(billingtest.ErrLost)}
			_, _ = w.RenewerOver(w.Store, p).Run(context.WithoutCancel(w.T.Context()))
		}, 0, time.Second, billing.PaymentPending, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.MustSubscribe()
				w.Clock.Advance(billingtest.Month)
				var run sync.WaitGroup
				run.Go(func() { tt.run(w) })
				time.Sleep(time.Second) // the run has claimed the renewal
				began := time.Now()
				v, err := w.Process().Cancel(w.T.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd})
				billingtest.ExpectError(w.T, err, nil)
				if took := time.Since(began); took < tt.min || took > tt.max {
					w.T.Errorf("Cancel took %v, want %v to %v", took, tt.min, tt.max)
				}
				if v.Latest.Status != tt.status || !v.CancelAtPeriodEnd {
					w.T.Errorf("the renewal is %s, cancelled %t; want %s", v.Latest.Status, v.CancelAtPeriodEnd, tt.status)
				}
				w.ExpectCharges(tt.charge)
				run.Wait()
				w.Provider.SetFault(billingtest.NoFault)
				w.runUntilQuiet()
				w.ExpectCharges(tt.charge)
				w.ExpectReconciled()
			})
		})
	}
}
