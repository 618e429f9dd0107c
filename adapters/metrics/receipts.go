package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/billing"
)

func newReceipts() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "billing_receipts_total", Help: "Fiscal receipts whose status became final, by status. Each failed one must be registered by hand.",
	}, []string{"provider", "status"})
}

// WatchReceipts lets the series of a payment system that needs receipts exist from the start
// with 0.
func (m *Metrics) WatchReceipts(code string) {
	for _, s := range []billing.ReceiptStatus{billing.ReceiptRegistered, billing.ReceiptFailed, billing.ReceiptVoid} {
		m.receipts.WithLabelValues(code, string(s))
	}
}

// Receipt counts a receipt whose status became final.
func (m *Metrics) Receipt(code string, s billing.ReceiptStatus) {
	m.receipts.WithLabelValues(code, string(s)).Inc()
}
