package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func newCancels() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "billing_page_cancel_total", Help: "Requests to cancel a payment that waits for its viewer, by outcome.",
	}, []string{"provider", "outcome"})
}

// Canceller returns c with its calls counted under code.
func (m *Metrics) Canceller(code string, c ports.Canceller) ports.Canceller {
	m.cancels.WithLabelValues(code, cancelled)
	return canceller{c, code, m.cancels}
}

// cancelled is the outcome of a call that the payment system accepted.
const cancelled = "cancelled"

type canceller struct {
	ports.Canceller
	code  string
	total *prometheus.CounterVec
}

// Cancel implements [ports.Canceller].
func (c canceller) Cancel(ctx context.Context, q ports.ChargeQuery) error {
	err := c.Canceller.Cancel(ctx, q)
	outcome := cancelled
	if err != nil {
		outcome = ports.OutcomeName(billing.Outcome{}, err)
	}
	c.total.WithLabelValues(c.code, outcome).Inc()
	return err
}
