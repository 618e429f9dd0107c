package payments_test

import (
	"context"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// oddReference is a payment system that puts a NUL and a token into each reference.
type oddReference struct{ ports.Provider }

const oddText = "\x00tok_secret"

func (p oddReference) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := p.Provider.Charge(ctx, r)
	o.ProviderRef += oddText
	return o, err
}

func (p oddReference) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	o, err := p.Provider.Find(ctx, q)
	o.ProviderRef += oddText
	return o, err
}

// Outcomes are cleaned whether a charge, its lookup or a sweep learns them.
func TestCollector_CleansOutcomes(t *testing.T) {
	t.Parallel()
	tests := map[string]func(w world, p billingtest.Process){
		"charge": func(w world, p billingtest.Process) {
			_, err := p.Subscribe(w.T.Context(), billingtest.SubscribeBasic())
			billingtest.ExpectError(w.T, err, nil)
		},
		"lookup after a charge": func(w world, p billingtest.Process) {
			pending := w.pendingSubscription(billingtest.ResponseLost)
			a := attempt(p.Collector, pending)
			p.Charge(w.T.Context(), &a, billingtest.Token)
			_, err := p.Record(w.T.Context(), a)
			billingtest.ExpectError(w.T, err, nil)
		},
		"sweep": func(w world, p billingtest.Process) {
			w.pendingSubscription(billingtest.ResponseLost)
			_, err := p.Sweep(w.T.Context(), 10, 16)
			billingtest.ExpectError(w.T, err, nil)
		},
	}
	for name, learn := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var b logBuffer
			p := w.ProcessOver(w.Store, oddReference{w.Provider})
			p.Collector.Log = b.logger()
			learn(w, p)
			w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
			if got, want := w.Payments()[0].ProviderRef, "ref-"+string(w.Payments()[0].ID)+"tok_secret"; got != want {
				t.Errorf("the reference is %q, want %q", got, want)
			}
			if text := b.text.String(); !strings.Contains(text, `"fields":["provider_ref"]`) || strings.Contains(text, "tok_secret") {
				t.Errorf("want a warning that names the field and not its value:\n%s", text)
			}
			w.ExpectReconciled()
		})
	}
}

// pendingSubscription subscribes [billingtest.Viewer] with a charge that fails, and
// returns the pending payment.
func (w world) pendingSubscription(f billingtest.Fault) billing.Payment {
	w.T.Helper()
	w.Provider.SetFault(f)
	w.MustSubscribe()
	return w.Payments()[0]
}
