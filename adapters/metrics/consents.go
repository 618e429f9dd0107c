package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/payments"
)

// Consent counts n charges with a finding about the viewer's consent.
func (m *Metrics) Consent(f payments.ConsentFinding, n int) {
	m.consents.WithLabelValues(string(f)).Add(float64(n))
}

const consentHelp = "Charges without a viewer, by the fault of the viewer's consent. Only unsigned ones were made."

func newConsents() *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "billing_consent_findings_total", Help: consentHelp}, []string{"finding"})
	for _, f := range payments.ConsentFindings() {
		v.WithLabelValues(string(f))
	}
	return v
}

// RunConsents are the findings of one renewal run.
type RunConsents struct{ *prometheus.GaugeVec }

// NewRunConsents returns counts that start at zero.
func NewRunConsents() RunConsents {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "billing_renewal_last_run_consent_findings", Help: consentHelp}, []string{"finding"})
	for _, f := range payments.ConsentFindings() {
		v.WithLabelValues(string(f))
	}
	return RunConsents{v}
}

// Add counts n charges with a finding.
func (c RunConsents) Add(f payments.ConsentFinding, n int) {
	c.WithLabelValues(string(f)).Add(float64(n))
}
