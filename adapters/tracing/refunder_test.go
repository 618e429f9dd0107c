package tracing

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// fakeRefunder returns a fixed outcome and error.
type fakeRefunder struct {
	outcome billing.RefundOutcome
	err     error
}

func (r fakeRefunder) Refund(context.Context, ports.RefundRequest) (billing.RefundOutcome, error) {
	return r.outcome, r.err
}

func (r fakeRefunder) FindRefund(context.Context, ports.RefundQuery) (billing.RefundOutcome, error) {
	return r.outcome, r.err
}

func (r fakeRefunder) Refunds(context.Context, time.Time, func(ports.RefundEntry) error) error {
	return r.err
}

func TestRefunder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fake    fakeRefunder
		outcome string
		failed  bool
	}{
		"succeeded":     {fakeRefunder{outcome: billing.RefundOutcome{Status: billing.PaymentSucceeded}}, "succeeded", false},
		"declined":      {fakeRefunder{outcome: billing.RefundOutcome{Status: billing.PaymentDeclined, DeclineCode: billing.CardExpired}}, "declined", false},
		"response lost": {fakeRefunder{err: errors.New("reset by 203.0.113.7")}, "unknown", true},
		"credentials":   {fakeRefunder{err: ports.ErrCredentials}, "credentials", true},
		"refused":       {fakeRefunder{err: ports.ErrRefused}, "refused", true},
		"not found":     {fakeRefunder{err: ports.ErrRefundNotFound}, "not_found", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, exported := inMemory(t)
			r := tracer.Refunder("bank", test.fake)
			if o, err := r.Refund(t.Context(), ports.RefundRequest{Key: "r1", Payment: "p1", PaymentRef: "pi_1"}); o != test.fake.outcome || !errors.Is(err, test.fake.err) {
				t.Errorf("Refund = %v, %v; want the result of the payment system", o, err)
			}
			if o, err := r.FindRefund(t.Context(), ports.RefundQuery{Key: "r1", Payment: "p1"}); o != test.fake.outcome || !errors.Is(err, test.fake.err) {
				t.Errorf("FindRefund = %v, %v; want the result of the payment system", o, err)
			}
			if err := r.Refunds(t.Context(), time.Time{}, nil); !errors.Is(err, test.fake.err) {
				t.Errorf("Refunds = %v, want the result of the payment system", err)
			}
			var names []string
			for _, s := range exported.GetSpans() {
				names = append(names, s.Name)
				want := map[string]string{
					"billing.refund.id": "r1", "billing.payment.id": "p1", "billing.payment.provider": "bank", "billing.payment.outcome": test.outcome,
				}
				if diff := cmp.Diff(want, attributes(s)); diff != "" || (s.Status.Code == codes.Error) != test.failed {
					t.Errorf("%s: %v, attributes (-want +got):\n%s", s.Name, s.Status, diff)
				}
			}
			if !slices.Equal(names, []string{"refund", "look up refund"}) {
				t.Errorf("the spans are %q, want refund and look up refund", names)
			}
		})
	}
}

func TestRefunder_NoTracer(t *testing.T) {
	t.Parallel()
	r := fakeRefunder{}
	if got := (*Tracer)(nil).Refunder("bank", r); got != ports.Refunder(r) {
		t.Errorf("Refunder = %v, want the refunder itself", got)
	}
}
