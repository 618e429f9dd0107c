package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/ports"
)

// fakeCanceller returns a fixed error.
type fakeCanceller struct{ err error }

func (c fakeCanceller) Cancel(context.Context, ports.ChargeQuery) error { return c.err }

func TestCanceller(t *testing.T) {
	t.Parallel()
	for outcome, fake := range map[string]fakeCanceller{
		"cancelled": {},
		"refused":   {fmt.Errorf("cancel: %w", ports.ErrRefused)},
		"not_found": {ports.ErrChargeNotFound},
		"busy":      {&ports.BusyError{}},
		"unknown":   {errors.New("reset by 203.0.113.7")},
	} {
		m := metrics.New("v1")
		if err := m.Canceller("bank", fake).Cancel(t.Context(), ports.ChargeQuery{Key: "p1"}); !errors.Is(err, fake.err) {
			t.Errorf("%s: Cancel = %v, want the error of the payment system", outcome, err)
		}
		expect(t, m, fmt.Sprintf(`billing_page_cancel_total{outcome="%s",provider="bank"} 1`, outcome))
	}
}
