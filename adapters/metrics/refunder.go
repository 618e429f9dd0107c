package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func newRefunds() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "billing_refund_total", Help: "Refunds sent to payment systems, by outcome.",
	}, []string{"provider", "outcome"})
}

// Refunder returns r with its refunds counted under code. The series that alerts use exist
// from the start with 0. Lookups and lists are not counted.
func (m *Metrics) Refunder(code string, r ports.Refunder) ports.Refunder {
	for _, outcome := range []string{
		ports.OutcomeUnknown,
		ports.RefundOutcomeName(billing.RefundOutcome{}, ports.ErrCredentials),
		ports.RefundOutcomeName(billing.RefundOutcome{}, ports.ErrKeyConflict),
	} {
		m.refunds.WithLabelValues(code, outcome)
	}
	return refunder{r, code, m.refunds}
}

type refunder struct {
	ports.Refunder
	code  string
	total *prometheus.CounterVec
}

// Refund implements [ports.Refunder].
func (r refunder) Refund(ctx context.Context, q ports.RefundRequest) (billing.RefundOutcome, error) {
	o, err := r.Refunder.Refund(ctx, q)
	r.total.WithLabelValues(r.code, ports.RefundOutcomeName(o, err)).Inc()
	return o, err
}
