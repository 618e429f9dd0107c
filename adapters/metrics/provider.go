package metrics

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// charges holds the metrics of payment systems.
type charges struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	unknown  *prometheus.CounterVec
	unmapped *prometheus.CounterVec
	lookups  *prometheus.CounterVec
	notices  *prometheus.CounterVec
}

func newCharges() charges {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return charges{
		total: counter("billing_charge_total",
			"Charges sent to payment systems, by outcome and, for declines, reason.",
			"provider", "initiator", "outcome", "reason"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "billing_charge_duration_seconds",
			Help:    "Response time of payment systems to a charge.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2, 3, 5, 7.5, 10, 20, 30},
		}, []string{"provider"}),
		unknown: counter("billing_unknown_outcome_total",
			"Charges without a known outcome, such as after a lost response.", "provider"),
		unmapped: counter("billing_unmapped_decline_total",
			"Declines with a reason that the adapter does not map.", "provider"),
		lookups: counter("billing_lookup_total",
			"Lookups of charges, by outcome.", "provider", "outcome"),
		notices: counter("billing_notifications_total",
			"Notifications that claim to come from a payment system, by result.", "provider", "result"),
	}
}

func (c charges) register(r *prometheus.Registry) {
	r.MustRegister(c.total, c.duration, c.unknown, c.unmapped, c.lookups, c.notices)
}

// Provider returns p with its calls counted under code. The series that alerts use,
// such as refused credentials, exist from the start with 0.
func (m *Metrics) Provider(code string, p ports.Provider) ports.Provider {
	for _, vec := range []*prometheus.CounterVec{m.charges.unknown, m.charges.unmapped} {
		vec.WithLabelValues(code)
	}
	refused := ports.OutcomeName(billing.Outcome{}, ports.ErrCredentials)
	m.charges.total.WithLabelValues(code, string(billing.CustomerInitiated), refused, "")
	m.charges.lookups.WithLabelValues(code, refused)
	return provider{p, code, m.charges}
}

type provider struct {
	ports.Provider
	code string
	charges
}

// Charge implements [ports.Provider].
func (p provider) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	start := time.Now()
	o, err := p.Provider.Charge(ctx, r)
	p.duration.WithLabelValues(p.code).Observe(time.Since(start).Seconds())
	outcome := ports.OutcomeName(o, err)
	p.total.WithLabelValues(p.code, string(r.Initiator), outcome, p.reason(o, err)).Inc()
	if outcome == ports.OutcomeUnknown {
		p.unknown.WithLabelValues(p.code).Inc()
	}
	return o, err
}

// Find implements [ports.Provider].
func (p provider) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	o, err := p.Provider.Find(ctx, q)
	p.lookups.WithLabelValues(p.code, ports.OutcomeName(o, err)).Inc()
	return o, err
}

// Listener begins to count the notifications of the payment system with this code, so that
// the series that alerts use exist from the start.
func (m *Metrics) Listener(code string) {
	m.charges.notices.WithLabelValues(code, string(payments.NoticeForged))
}

// Notice counts a notification of a payment system.
func (m *Metrics) Notice(system string, r payments.NoticeResult) {
	m.charges.notices.WithLabelValues(system, string(r)).Inc()
}

// reason returns the decline code, or "unknown" for a code outside the closed list,
// because other texts must not become labels.
func (p provider) reason(o billing.Outcome, err error) string {
	if err != nil || o.Status != billing.PaymentDeclined {
		return ""
	}
	if o.DeclineCode == billing.UnknownDecline || !slices.Contains(billing.DeclineCodes(), o.DeclineCode) {
		p.unmapped.WithLabelValues(p.code).Inc()
		return string(billing.UnknownDecline)
	}
	return string(o.DeclineCode)
}
