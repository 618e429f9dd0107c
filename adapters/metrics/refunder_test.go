package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/metrics"
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

func (r fakeRefunder) Refunds(_ context.Context, _ time.Time, each func(ports.RefundEntry) error) error {
	return errors.Join(r.err, each(ports.RefundEntry{Ref: "re_1"}))
}

func TestRefunder(t *testing.T) {
	t.Parallel()
	for outcome, fake := range map[string]fakeRefunder{
		"succeeded":    {outcome: billing.RefundOutcome{Status: billing.PaymentSucceeded, ProviderRef: "re_1"}},
		"pending":      {outcome: billing.RefundOutcome{Status: billing.PaymentPending}},
		"declined":     {outcome: billing.RefundOutcome{Status: billing.PaymentDeclined, DeclineCode: billing.CardExpired}},
		"refused":      {err: fmt.Errorf("refund: %w", ports.ErrRefused)},
		"key_conflict": {err: ports.ErrKeyConflict},
		"credentials":  {err: ports.ErrCredentials},
		"busy":         {err: &ports.BusyError{}},
		"not_sent":     {err: ports.ErrNotSent},
		"too_late":     {err: ports.ErrTooLate},
		"unknown":      {err: errors.New("reset by 203.0.113.7")},
	} {
		m := metrics.New("v1")
		r := m.Refunder("bank", fake)
		expect(t, m, `billing_refund_total{outcome="unknown",provider="bank"} 0`, `billing_refund_total{outcome="credentials",provider="bank"} 0`)
		o, err := r.Refund(t.Context(), ports.RefundRequest{Key: "r1"})
		if o != fake.outcome || !errors.Is(err, fake.err) {
			t.Errorf("%s: Refund = %v, %v; want the result of the payment system", outcome, o, err)
		}
		if o, err := r.FindRefund(t.Context(), ports.RefundQuery{Key: "r1"}); o != fake.outcome || !errors.Is(err, fake.err) {
			t.Errorf("%s: FindRefund = %v, %v; want the result of the payment system", outcome, o, err)
		}
		n := 0
		err = r.Refunds(t.Context(), time.Time{}, func(ports.RefundEntry) error { n++; return nil })
		if n != 1 || !errors.Is(err, fake.err) {
			t.Errorf("%s: Refunds = %v with %d entries, want the result of the payment system", outcome, err, n)
		}
		expect(t, m, fmt.Sprintf(`billing_refund_total{outcome="%s",provider="bank"} 1`, outcome))
		if text := grep(scrape(t, m), "billing_refund_total{"); strings.Contains(text, "203.0.113.7") {
			t.Errorf("a label quotes the error: %s", text)
		}
	}
}

func TestRefunder_Lint(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1")
	m.Refunder("bank", fakeRefunder{})
	expectLint(t, m)
}
