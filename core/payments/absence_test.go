package payments_test

import (
	"context"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// findFunc is a payment system whose lookups are replaced.
type findFunc struct {
	ports.Provider
	find func(context.Context, billing.PaymentID) (billing.Outcome, error)
}

func (f findFunc) Find(ctx context.Context, key billing.PaymentID) (billing.Outcome, error) {
	return f.find(ctx, key)
}

// A sweep hangs after it has observed an absence. Meanwhile another sweep sends the
// payment and does not learn its outcome, and the viewer cancels. The first sweep must
// then neither send the payment again nor abandon it.
func TestSweep_AbsenceOfEarlierSendWindow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Clock.Advance(31 * 24 * time.Hour)
		w.Provider.SetFault(billingtest.RequestLost)
		if _, err := w.Renewer().Run(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
		time.Sleep(billingtest.PastSendWindow)

		lookups := 0
		unlucky := findFunc{w.Provider, func(ctx context.Context, key billing.PaymentID) (billing.Outcome, error) {
			if lookups++; lookups > 1 {
				return billing.Outcome{}, billingtest.ErrLost
			}
			return w.Provider.Find(ctx, key)
		}}
		hung := false
		hangs := findFunc{w.Provider, func(ctx context.Context, key billing.PaymentID) (billing.Outcome, error) {
			o, err := w.Provider.Find(ctx, key)
			if hung {
				return o, err
			}
			hung = true
			time.Sleep(billingtest.PastSendWindow) // the lease of this sweep ends
			w.Provider.SetFault(billingtest.ResponseLost)
			if swept, err := w.ProcessOver(w.Store, unlucky).Sweep(w.T.Context(), 10, 1); err != nil || len(swept) != 1 {
				w.T.Errorf("the other sweep took %d payments, %v, want 1", len(swept), err)
			}
			time.Sleep(billingtest.PastSendWindow) // its send window ends
			_, cancelled := w.Process().Cancel(w.T.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtPeriodEnd})
			billingtest.ExpectError(w.T, cancelled, nil)
			return o, err
		}}
		if _, err := w.ProcessOver(w.Store, hangs).Sweep(w.T.Context(), 10, 1); err != nil {
			w.T.Error(err)
		}
		if p := w.Payments()[0]; p.Settled() {
			w.T.Errorf("the payment is %s (%s), want pending", p.Status, p.DeclineCode)
		}
		time.Sleep(billingtest.PastSendWindow)
		w.ExpectSweep(1, 0)
		w.ExpectCharges(2)
		w.ExpectReconciled()
	})
}
